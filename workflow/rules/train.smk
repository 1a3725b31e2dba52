rule train:
    input:
        RULES.reads("train"),
        after=ancient(RULES.waits("train")),
    output:
        RULES.writes("train"),
        folder=directory(RULES.folders("train")),
    params:
        node=RULES.params("train"),
    wildcard_constraints:
        key=RULES.keys("train"),
    log:
        RULES.log("train"),
    threads: THREADS
    shell:
        RULES.command("train")
