"""Which node writes a file or folder of build/, and with which command."""

from pathlib import Path

from stages.common import paths
from stages.common.config import MEASURING, Config

# Modules of the stages that are not called as their package is.
MODULES = {
    "leakage": "synthesize.leakage",
    "released": "download.released",
    "architecture": "evaluate.architecture",
    "baseline": "evaluate.baseline",
    "task": "cascade.task",
    "recognition_baseline": "recognition.baseline",
}
FOLDERS = {
    "download": paths.data,
    "synthesize": paths.noisy,
    "train": paths.weights,
    "labelled": paths.labelled,
    "task": paths.task,
    "cascade": paths.cascade,
}


def command(scale: str, stage: str, key: str | None) -> str:
    """The command line that makes one node."""
    return f"python -m stages.{MODULES.get(stage, stage)} --scale {scale}" + (f" --only {key}" if key else "")


def outputs(scale: str, stage: str, key: str | None) -> list[Path]:
    """What a node before the report writes, besides its provenance."""
    if stage in FOLDERS and key:
        return [FOLDERS[stage](scale, key)]
    if stage in MEASURING and key:
        outcomes = [paths.outcomes(scale, key)] if stage.startswith("recognition") else []
        return [paths.results(scale, key), *outcomes]
    single = {"leakage": paths.leakage(scale), "illustrate": paths.figures(scale)}
    single |= {"released": paths.data(scale, paths.RELEASED), "architecture": paths.results(scale, "architecture")}
    return [single[stage]]


def producers(config: Config) -> dict[Path, tuple[str, str | None]]:
    """The node that writes each file and folder of build/ at one scale, records of provenance among them."""
    found: dict[Path, tuple[str, str | None]] = {}
    for node in config.nodes():
        found |= dict.fromkeys([*outputs(config.scale, *node), paths.provenance(config.scale, *node)], node)
    return found
