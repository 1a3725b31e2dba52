rule cascade:
    input:
        RULES.reads("cascade"),
    output:
        RULES.writes("cascade"),
        folder=directory(RULES.folders("cascade")),
    params:
        node=RULES.params("cascade"),
    wildcard_constraints:
        key=RULES.keys("cascade"),
    log:
        RULES.log("cascade"),
    threads: THREADS
    shell:
        RULES.command("cascade")
