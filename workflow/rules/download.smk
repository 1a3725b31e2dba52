rule download:
    input:
        RULES.reads("download"),
    output:
        RULES.writes("download"),
        folder=directory(RULES.folders("download")),
    params:
        node=RULES.params("download"),
    wildcard_constraints:
        key=RULES.keys("download"),
    log:
        RULES.log("download"),
    shell:
        RULES.command("download")
