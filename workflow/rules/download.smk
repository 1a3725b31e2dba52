rule download:
    input:
        sources=source_files("download"),
    output:
        folder=directory(f"{BUILD}/data/{{key}}"),
        provenance=f"{BUILD}/provenance/download-{{key}}.json",
    params:
        node=node("download"),
    wildcard_constraints:
        key=keys("download"),
    log:
        f"{BUILD}/logs/download-{{key}}.log",
    shell:
        f"python -m stages.download --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule released:
    input:
        weights=released_files(),
        sources=source_files("released"),
    output:
        folder=directory(f"{BUILD}/data/released"),
        provenance=f"{BUILD}/provenance/released.json",
    params:
        node=node("released"),
    log:
        f"{BUILD}/logs/released.log",
    shell:
        f"python -m stages.download.released --scale {SCALE} > {{log}} 2>&1"
