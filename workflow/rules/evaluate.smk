rule evaluate:
    input:
        RULES.reads("evaluate"),
        after=ancient(RULES.waits("evaluate")),
        shards=RULES.shards("evaluate"),
    output:
        RULES.writes("evaluate"),
    params:
        node=RULES.params("evaluate"),
    wildcard_constraints:
        key=RULES.keys("evaluate"),
    log:
        RULES.log("evaluate"),
    threads: THREADS
    shell:
        RULES.command("evaluate")


rule evaluate_shard:
    input:
        RULES.reads("evaluate"),
        after=ancient(RULES.waits("evaluate")),
    output:
        temp(RULES.marker("evaluate")),
    params:
        node=RULES.params("evaluate"),
    wildcard_constraints:
        key=RULES.keys("evaluate"),
        i=r"\d+",
        n=r"\d+",
    log:
        RULES.shard_log("evaluate"),
    threads: THREADS
    shell:
        RULES.shard_command("evaluate")
