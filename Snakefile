# The DAG for Snakemake, one rules file per stage in the order in which data flow. dvc.yaml holds the same DAG.
#
#     snakemake --cores all                          the scale of params.yaml
#     snakemake --cores all --config scale=bench     another one

# Reads and checks params.yaml first: Snakemake's own words for a broken file are a traceback.
include: "workflow/rules/common.smk"


configfile: "params.yaml"


include: "workflow/rules/download.smk"
include: "workflow/rules/synthesize.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/labelled.smk"
include: "workflow/rules/cascade.smk"
include: "workflow/rules/recognition.smk"
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
        rules.report.input,
        node_outputs(),
