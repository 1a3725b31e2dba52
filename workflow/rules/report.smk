TABLES = [
    "liu2018/table1_kodak",
    "liu2018/table2_classification",
    "liu2018/table3_segmentation",
    "liu2020/table1_architecture",
    "liu2020/table2_kodak",
    "liu2020/table3_cbsd68",
    "liu2020/table4_classification",
    "liu2020/table5_segmentation",
    "zhang2017/table2_bsd68",
    "zhang2017/table3_set12",
    "zhang2017/table5_gaussian",
]


rule report:
    input:
        architecture=f"{BUILD}/results/architecture.csv",
        results=[f"{BUILD}/results/{key}.csv" for stage in MEASURING for key in SETTINGS.keys(stage)],
        outcomes=[
            str(paths.outcomes(SCALE, key))
            for stage in ("recognition", "recognition_baseline")
            for key in SETTINGS.keys(stage)
        ],
        figures=f"{BUILD}/figures",
        provenance=[str(paths.provenance(SCALE, stage, key)) for stage, key in SETTINGS.nodes()],
        spreads=sorted(map(str, Path("reports/spread").glob("*.csv"))),
        sources=source_files("report"),
    output:
        cells=report(
            expand(f"{REPORTS}/{{table}}.csv", table=TABLES),
            caption="../captions/tables.rst",
            category="Tables",
        ),
        tables=expand(f"{REPORTS}/{{table}}.{{suffix}}", table=TABLES, suffix=["md", "tex"]),
        overview=report(f"{REPORTS}/overview.md", caption="../captions/overview.rst", category="Overview"),
        pages=expand(f"{REPORTS}/{{page}}.md", page=["notes", "provenance", "training", "figures"]),
        learning=report(
            f"{REPORTS}/figures/learning_curves.svg", caption="../captions/curves.rst", category="Figures"
        ),
        designs=report(
            f"{REPORTS}/figures/parameters_psnr.svg", caption="../captions/designs.rst", category="Figures"
        ),
        pictures=report(
            expand(
                f"{REPORTS}/figures/{{figure}}.png",
                figure=["figure3_gradients", "figure4_zoom", "figure6_labels", "figure7_real"],
            ),
            caption="../captions/pictures.rst",
            category="Figures",
        ),
        records=f"{REPORTS}/records.json",
        accuracies=f"{REPORTS}/accuracies.csv",
        metrics=f"{REPORTS}/metrics.json",
        averages=f"{REPORTS}/averages.csv",
        curves=f"{REPORTS}/learning_curves.csv",
        provenance=f"{BUILD}/provenance/report.json",
    params:
        node=node("report"),
    log:
        f"{BUILD}/logs/report.log",
    shell:
        f"python -m stages.report --scale {SCALE} > {{log}} 2>&1"
