rule degrade:
    input:
        RULES.reads("degrade"),
    output:
        RULES.writes("degrade"),
        folder=directory(RULES.folders("degrade")),
    params:
        node=RULES.params("degrade"),
    wildcard_constraints:
        key=RULES.keys("degrade"),
    log:
        RULES.log("degrade"),
    shell:
        RULES.command("degrade")
