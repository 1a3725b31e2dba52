rule train:
    input:
        data=field("train", "data", f"{BUILD}/data/{{}}"),
        validation=field("train", "validation", f"{BUILD}/data/{{}}"),
        published=field("train", "weights", f"{BUILD}/data/{{}}"),
        leakage=f"{BUILD}/leakage.json",
        sources=lambda wildcards: source_files("train", SETTINGS.network("train", wildcards.key)),
    output:
        folder=directory(f"{BUILD}/weights/{{key}}"),
        provenance=f"{BUILD}/provenance/train-{{key}}.json",
    params:
        node=node("train"),
    wildcard_constraints:
        key=keys("train"),
    log:
        f"{BUILD}/logs/train-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.train --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"
