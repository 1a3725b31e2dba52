rule recognition:
    input:
        data=field("recognition", "data", f"{BUILD}/labelled/{{}}"),
        task=field("recognition", "task", f"{BUILD}/tasks/{{}}"),
        denoiser=field("recognition", "denoiser", f"{BUILD}/{{}}"),
        sources=source_files("recognition"),
        shards=shards("recognition"),
    output:
        results=f"{BUILD}/results/{{key}}.csv",
        outcomes=f"{BUILD}/outcomes/{{key}}.npz",
        provenance=f"{BUILD}/provenance/recognition-{{key}}.json",
    params:
        node=node("recognition"),
    wildcard_constraints:
        key=keys("recognition"),
    log:
        f"{BUILD}/logs/recognition-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.recognition --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule recognition_shard:
    input:
        data=field("recognition", "data", f"{BUILD}/labelled/{{}}"),
        task=field("recognition", "task", f"{BUILD}/tasks/{{}}"),
        denoiser=field("recognition", "denoiser", f"{BUILD}/{{}}"),
        sources=source_files("recognition"),
    output:
        marker=temp(f"{BUILD}/shards/recognition-{{key}}/{{i}}-of-{{n}}.json"),
    params:
        node=node("recognition"),
    wildcard_constraints:
        key=keys("recognition"),
        i=r"\d+",
        n=r"\d+",
    log:
        f"{BUILD}/logs/recognition-{{key}}-{{i}}-of-{{n}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.recognition --scale {SCALE} --only {{wildcards.key}}"
        " --shard {wildcards.i}/{wildcards.n} > {log} 2>&1"


rule recognition_baseline:
    input:
        data=field("recognition_baseline", "data", f"{BUILD}/labelled/{{}}"),
        task=field("recognition_baseline", "task", f"{BUILD}/tasks/{{}}"),
        sources=source_files("recognition_baseline"),
        shards=shards("recognition_baseline"),
    output:
        results=f"{BUILD}/results/{{key}}.csv",
        outcomes=f"{BUILD}/outcomes/{{key}}.npz",
        provenance=f"{BUILD}/provenance/recognition_baseline-{{key}}.json",
    params:
        node=node("recognition_baseline"),
    wildcard_constraints:
        key=keys("recognition_baseline"),
    log:
        f"{BUILD}/logs/recognition_baseline-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.recognition.baseline --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule recognition_baseline_shard:
    input:
        data=field("recognition_baseline", "data", f"{BUILD}/labelled/{{}}"),
        task=field("recognition_baseline", "task", f"{BUILD}/tasks/{{}}"),
        sources=source_files("recognition_baseline"),
    output:
        marker=temp(f"{BUILD}/shards/recognition_baseline-{{key}}/{{i}}-of-{{n}}.json"),
    params:
        node=node("recognition_baseline"),
    wildcard_constraints:
        key=keys("recognition_baseline"),
        i=r"\d+",
        n=r"\d+",
    log:
        f"{BUILD}/logs/recognition_baseline-{{key}}-{{i}}-of-{{n}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.recognition.baseline --scale {SCALE} --only {{wildcards.key}}"
        " --shard {wildcards.i}/{wildcards.n} > {log} 2>&1"
