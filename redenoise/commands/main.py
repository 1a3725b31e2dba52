"""`redenoise <verb>`: the commands around the DAG.

Each verb is a module of this package with `main(arguments: list[str] | None)`, imported only when it is called.
"""

import sys

from redenoise.support.errors import UserError, choices
from redenoise.support.start import imported

# Verbs by what they are for: (verb, module, what it does).
GROUPS = {
    "your own pictures": (("denoise", "denoise.command", "pictures of yours, denoised by any method of the project"),),
    "a run": (("reproduce", "reproduce", "the whole DAG by Snakemake, with the time left, and a summary"),),
    "before a run": (
        ("plan", "plan.command", "what a run would do, why, and what it would cost"),
        ("sources", "sources", "which data files are here, to be fetched, or damaged"),
        ("cluster", "cluster.command", "whether this Slurm cluster has what slurm/cluster.yaml asks for"),
    ),
    "after a run": (
        ("record", "record", "hand a finished run of Snakemake over to DVC"),
        ("spread", "spread.command", "how far averages move with the seed of the noise"),
        ("choices", "choices", "what the choices are worth that papers leave open"),
    ),
    "reading reports": (
        ("report", "report", "the report of whatever is measured so far"),
        ("diff", "diff.command", "which table cells moved since a git revision, and why"),
        ("site", "site.build", "all reports of a scale as a static web site"),
        ("latex", "latex.command", "all tables and figures of a scale as one LaTeX document"),
        ("opinion", "opinion.command", "the opinion test: make its page, collect what raters send back"),
    ),
    "adding to the project": (
        ("manifest", "manifest.command", "make a folder of images a test set, take it out, or list files again"),
        ("import", "importing.command", "make weights from elsewhere a family"),
        ("release", "release", "put trained weights and their card into weights/"),
        ("rent", "rent.command", "train within a time budget on a machine that is lent, and pack what came out"),
        ("prior", "prior", "fit the patch prior of EPLL and release it"),
        ("convert", "convert", "convert weights of Caffe"),
        ("benchmark", "benchmark.command", "how fast this machine trains and denoises"),
        ("dvc", "dvc", "write dvc.yaml from the table of stages"),
    ),
}
VERBS = {verb: module for group in GROUPS.values() for verb, module, _ in group}


def main(arguments: list[str] | None = None) -> None:
    """Run one verb; raises `UserError` for one that is not known."""
    verb, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if verb in ("-h", "--help"):
        print(usage())
        return
    if verb not in VERBS:
        found = f"no verb {verb!r}" if verb else "no verb given"
        raise UserError(f"redenoise: {found}; {choices(verb, VERBS)}; redenoise --help describes them")
    imported(f"redenoise.commands.{VERBS[verb]}").main(rest)


def usage() -> str:
    """What `redenoise --help` prints."""
    width = max(map(len, VERBS))
    lines = ["usage: redenoise VERB [OPTIONS]", "", "The commands around the DAG. `redenoise VERB --help` says more."]
    for group, verbs in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {verb:{width}}  {line}" for verb, _, line in verbs)]
    nodes = "A stage of the DAG runs by itself as `python -m stages.STAGE`, such as `python -m stages.evaluate --help`."
    return "\n".join([*lines, "", nodes])
