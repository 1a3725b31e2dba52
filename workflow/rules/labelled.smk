rule labelled:
    input:
        sources=source_files("labelled"),
    output:
        folder=directory(f"{BUILD}/labelled/{{key}}"),
        provenance=f"{BUILD}/provenance/labelled-{{key}}.json",
    params:
        node=node("labelled"),
    wildcard_constraints:
        key=keys("labelled"),
    log:
        f"{BUILD}/logs/labelled-{{key}}.log",
    shell:
        f"python -m stages.labelled --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"
