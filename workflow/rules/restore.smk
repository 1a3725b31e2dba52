rule restore:
    input:
        RULES.reads("restore"),
        after=ancient(RULES.waits("restore")),
        shards=RULES.shards("restore"),
    output:
        RULES.writes("restore"),
    params:
        node=RULES.params("restore"),
    wildcard_constraints:
        key=RULES.keys("restore"),
    log:
        RULES.log("restore"),
    threads: THREADS
    shell:
        RULES.command("restore")


rule restore_shard:
    input:
        RULES.reads("restore"),
        after=ancient(RULES.waits("restore")),
    output:
        temp(RULES.marker("restore")),
    params:
        node=RULES.params("restore"),
    wildcard_constraints:
        key=RULES.keys("restore"),
        i=r"\d+",
        n=r"\d+",
    log:
        RULES.shard_log("restore"),
    threads: THREADS
    shell:
        RULES.shard_command("restore")
