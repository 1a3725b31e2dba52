rule recognize_filtered:
    input:
        RULES.reads("recognize_filtered"),
        shards=RULES.shards("recognize_filtered"),
    output:
        RULES.writes("recognize_filtered"),
    params:
        node=RULES.params("recognize_filtered"),
    wildcard_constraints:
        key=RULES.keys("recognize_filtered"),
    log:
        RULES.log("recognize_filtered"),
    threads: THREADS
    shell:
        RULES.command("recognize_filtered")


rule recognize_filtered_shard:
    input:
        RULES.reads("recognize_filtered"),
    output:
        temp(RULES.marker("recognize_filtered")),
    params:
        node=RULES.params("recognize_filtered"),
    wildcard_constraints:
        key=RULES.keys("recognize_filtered"),
        i=r"\d+",
        n=r"\d+",
    log:
        RULES.shard_log("recognize_filtered"),
    threads: THREADS
    shell:
        RULES.shard_command("recognize_filtered")
