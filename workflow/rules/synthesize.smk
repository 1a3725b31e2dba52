rule leakage:
    input:
        data=[f"{BUILD}/data/{key}" for key in SETTINGS.image_sets()],
        sources=source_files("leakage"),
    output:
        summary=f"{BUILD}/leakage.json",
        provenance=f"{BUILD}/provenance/leakage.json",
    params:
        node=node("leakage"),
    log:
        f"{BUILD}/logs/leakage.log",
    shell:
        f"python -m stages.synthesize.leakage --scale {SCALE} > {{log}} 2>&1"


rule synthesize:
    input:
        data=f"{BUILD}/data/{{key}}",
        sources=source_files("synthesize"),
    output:
        folder=directory(f"{BUILD}/noisy/{{key}}"),
        provenance=f"{BUILD}/provenance/synthesize-{{key}}.json",
    params:
        node=node("synthesize"),
    wildcard_constraints:
        key=keys("synthesize"),
    log:
        f"{BUILD}/logs/synthesize-{{key}}.log",
    shell:
        f"python -m stages.synthesize --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"
