rule labelled:
    input:
        RULES.reads("labelled"),
    output:
        RULES.writes("labelled"),
        folder=directory(RULES.folders("labelled")),
    params:
        node=RULES.params("labelled"),
    wildcard_constraints:
        key=RULES.keys("labelled"),
    log:
        RULES.log("labelled"),
    shell:
        RULES.command("labelled")
