rule architecture:
    input:
        sources=source_files("architecture"),
    output:
        results=f"{BUILD}/results/architecture.csv",
        provenance=f"{BUILD}/provenance/architecture.json",
    params:
        node=node("architecture"),
    log:
        f"{BUILD}/logs/architecture.log",
    shell:
        f"python -m stages.evaluate.architecture --scale {SCALE} > {{log}} 2>&1"


rule evaluate:
    input:
        noisy=field("evaluate", "dataset", f"{BUILD}/noisy/{{}}"),
        clean=field("evaluate", "dataset", f"{BUILD}/data/{{}}"),
        weights=field("evaluate", "family", f"{BUILD}/weights/{{}}"),
        sources=source_files("evaluate"),
        shards=shards("evaluate"),
    output:
        results=f"{BUILD}/results/{{key}}.csv",
        provenance=f"{BUILD}/provenance/evaluate-{{key}}.json",
    params:
        node=node("evaluate"),
    wildcard_constraints:
        key=keys("evaluate"),
    log:
        f"{BUILD}/logs/evaluate-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.evaluate --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule evaluate_shard:
    input:
        noisy=field("evaluate", "dataset", f"{BUILD}/noisy/{{}}"),
        clean=field("evaluate", "dataset", f"{BUILD}/data/{{}}"),
        weights=field("evaluate", "family", f"{BUILD}/weights/{{}}"),
        sources=source_files("evaluate"),
    output:
        marker=temp(f"{BUILD}/shards/evaluate-{{key}}/{{i}}-of-{{n}}.json"),
    params:
        node=node("evaluate"),
    wildcard_constraints:
        key=keys("evaluate"),
        i=r"\d+",
        n=r"\d+",
    log:
        f"{BUILD}/logs/evaluate-{{key}}-{{i}}-of-{{n}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.evaluate --scale {SCALE} --only {{wildcards.key}}"
        " --shard {wildcards.i}/{wildcards.n} > {log} 2>&1"


rule baseline:
    input:
        noisy=field("baseline", "dataset", f"{BUILD}/noisy/{{}}"),
        clean=field("baseline", "dataset", f"{BUILD}/data/{{}}"),
        sources=source_files("baseline"),
        shards=shards("baseline"),
    output:
        results=f"{BUILD}/results/{{key}}.csv",
        provenance=f"{BUILD}/provenance/baseline-{{key}}.json",
    params:
        node=node("baseline"),
    wildcard_constraints:
        key=keys("baseline"),
    log:
        f"{BUILD}/logs/baseline-{{key}}.log",
    shell:
        f"python -m stages.evaluate.baseline --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule baseline_shard:
    input:
        noisy=field("baseline", "dataset", f"{BUILD}/noisy/{{}}"),
        clean=field("baseline", "dataset", f"{BUILD}/data/{{}}"),
        sources=source_files("baseline"),
    output:
        marker=temp(f"{BUILD}/shards/baseline-{{key}}/{{i}}-of-{{n}}.json"),
    params:
        node=node("baseline"),
    wildcard_constraints:
        key=keys("baseline"),
        i=r"\d+",
        n=r"\d+",
    log:
        f"{BUILD}/logs/baseline-{{key}}-{{i}}-of-{{n}}.log",
    shell:
        f"python -m stages.evaluate.baseline --scale {SCALE} --only {{wildcards.key}}"
        " --shard {wildcards.i}/{wildcards.n} > {log} 2>&1"
