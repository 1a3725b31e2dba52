rule task:
    input:
        RULES.reads("task"),
        after=ancient(RULES.waits("task")),
    output:
        RULES.writes("task"),
        folder=directory(RULES.folders("task")),
    params:
        node=RULES.params("task"),
    wildcard_constraints:
        key=RULES.keys("task"),
    log:
        RULES.log("task"),
    threads: THREADS
    shell:
        RULES.command("task")
