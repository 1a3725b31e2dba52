rule recognize:
    input:
        RULES.reads("recognize"),
        shards=RULES.shards("recognize"),
    output:
        RULES.writes("recognize"),
    params:
        node=RULES.params("recognize"),
    wildcard_constraints:
        key=RULES.keys("recognize"),
    log:
        RULES.log("recognize"),
    threads: THREADS
    shell:
        RULES.command("recognize")


rule recognize_shard:
    input:
        RULES.reads("recognize"),
    output:
        temp(RULES.marker("recognize")),
    params:
        node=RULES.params("recognize"),
    wildcard_constraints:
        key=RULES.keys("recognize"),
        i=r"\d+",
        n=r"\d+",
    log:
        RULES.shard_log("recognize"),
    threads: THREADS
    shell:
        RULES.shard_command("recognize")
