rule leakage:
    input:
        RULES.reads("leakage"),
    output:
        RULES.writes("leakage"),
    params:
        node=RULES.params("leakage"),
    wildcard_constraints:
        key=RULES.keys("leakage"),
    # Before anything long begins that a leak would make worthless.
    priority: 1
    log:
        RULES.log("leakage"),
    shell:
        RULES.command("leakage")
