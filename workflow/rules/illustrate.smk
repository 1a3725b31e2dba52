rule illustrate:
    input:
        labelled=expand(f"{BUILD}/labelled/{{key}}", key=["imagenet_val", "voc_val"]),
        tasks=expand(f"{BUILD}/tasks/{{key}}", key=["classification", "segmentation"]),
        cascades=expand(f"{BUILD}/cascades/{{key}}", key=["classify_2020", "segment_2020"]),
        weights=expand(f"{BUILD}/weights/{{key}}", key=["proposed_tasks", "cdncnn_b"]),
        images=expand(f"{BUILD}/data/{{key}}", key=["kodak", "rni15"]),
        sources=source_files("illustrate"),
    output:
        folder=directory(f"{BUILD}/figures"),
        provenance=f"{BUILD}/provenance/illustrate.json",
    params:
        node=node("illustrate"),
    log:
        f"{BUILD}/logs/illustrate.log",
    threads: SETTINGS.settings["threads"]
    shell:
        f"python -m stages.illustrate --scale {SCALE} > {{log}} 2>&1"
