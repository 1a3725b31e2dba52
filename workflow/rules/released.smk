rule released:
    input:
        RULES.reads("released"),
    output:
        RULES.writes("released"),
        folder=directory(RULES.folders("released")),
    params:
        node=RULES.params("released"),
    log:
        RULES.log("released"),
    shell:
        RULES.command("released")
