rule synthesize:
    input:
        RULES.reads("synthesize"),
    output:
        RULES.writes("synthesize"),
        folder=directory(RULES.folders("synthesize")),
    params:
        node=RULES.params("synthesize"),
    wildcard_constraints:
        key=RULES.keys("synthesize"),
    log:
        RULES.log("synthesize"),
    shell:
        RULES.command("synthesize")
