rule task:
    input:
        data=field("task", "data", f"{BUILD}/labelled/{{}}"),
        start=field("task", "start", f"{BUILD}/{{}}"),
        sources=source_files("task"),
    output:
        folder=directory(f"{BUILD}/tasks/{{key}}"),
        provenance=f"{BUILD}/provenance/task-{{key}}.json",
    params:
        node=node("task"),
    wildcard_constraints:
        key=keys("task"),
    log:
        f"{BUILD}/logs/task-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.cascade.task --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"


rule cascade:
    input:
        data=field("cascade", "data", f"{BUILD}/labelled/{{}}"),
        task=field("cascade", "task", f"{BUILD}/tasks/{{}}"),
        initial=field("cascade", "initial", f"{BUILD}/weights/{{}}"),
        released=f"{BUILD}/data/released",
        sources=source_files("cascade"),
    output:
        folder=directory(f"{BUILD}/cascades/{{key}}"),
        provenance=f"{BUILD}/provenance/cascade-{{key}}.json",
    params:
        node=node("cascade"),
    wildcard_constraints:
        key=keys("cascade"),
    log:
        f"{BUILD}/logs/cascade-{{key}}.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.cascade --scale {SCALE} --only {{wildcards.key}} > {{log}} 2>&1"
