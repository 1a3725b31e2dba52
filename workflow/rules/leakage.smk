rule leakage:
    input:
        RULES.reads("leakage"),
    output:
        RULES.writes("leakage"),
    params:
        node=RULES.params("leakage"),
    log:
        RULES.log("leakage"),
    shell:
        RULES.command("leakage")
