rule filter:
    input:
        RULES.reads("filter"),
        shards=RULES.shards("filter"),
    output:
        RULES.writes("filter"),
    params:
        node=RULES.params("filter"),
    wildcard_constraints:
        key=RULES.keys("filter"),
    log:
        RULES.log("filter"),
    shell:
        RULES.command("filter")


rule filter_shard:
    input:
        RULES.reads("filter"),
    output:
        temp(RULES.marker("filter")),
    params:
        node=RULES.params("filter"),
    wildcard_constraints:
        key=RULES.keys("filter"),
        i=r"\d+",
        n=r"\d+",
    log:
        RULES.shard_log("filter"),
    shell:
        RULES.shard_command("filter")
