# The DAG for Snakemake, one rules file a stage in the order in which data flow. dvc.yaml holds the same DAG.
#
#     snakemake --cores all                          the scale of params.yaml
#     snakemake --cores all --config scale=bench     another one

# Reads and checks params.yaml first: Snakemake's own words for a broken file are a traceback.
include: "workflow/rules/common.smk"


configfile: "params.yaml"


report: "workflow/captions/workflow.rst"


include: "workflow/rules/download.smk"
include: "workflow/rules/leakage.smk"
include: "workflow/rules/released.smk"
include: "workflow/rules/synthesize.smk"
include: "workflow/rules/degrade.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/architecture.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/filter.smk"
include: "workflow/rules/restore.smk"
include: "workflow/rules/labelled.smk"
include: "workflow/rules/task.smk"
include: "workflow/rules/cascade.smk"
include: "workflow/rules/recognize.smk"
include: "workflow/rules/recognize_filtered.smk"
include: "workflow/rules/illustrate.smk"
include: "workflow/rules/report.smk"


# Where Slurm runs the rest, these run beside Snakemake: the nodes of many clusters have no network.
localrules:
    all,
    download,
    labelled,
    released,
    report,


rule all:
    default_target: True
    input:
        rules.report.output,
        # Named here too, so that one which was deleted is made again, also where the report is up to date.
        RULES.all(),
