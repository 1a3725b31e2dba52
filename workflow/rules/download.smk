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
    # What the checks for leakage read, see leakage.smk.
    priority: 1
    log:
        RULES.log("download"),
    shell:
        RULES.command("download")
