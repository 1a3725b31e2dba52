rule architecture:
    input:
        RULES.reads("architecture"),
    output:
        RULES.writes("architecture"),
    params:
        node=RULES.params("architecture"),
    log:
        RULES.log("architecture"),
    shell:
        RULES.command("architecture")
