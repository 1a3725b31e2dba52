"""A scratch project in which no node has done any work: outputs of one line, with the provenance of real stages."""

import shutil
from pathlib import Path

from redenoise.dag import graph, provenance
from redenoise.dag.config import Config
from tests.conftest import ROOT

LEFT_OUT = shutil.ignore_patterns("__pycache__")


def make(folder: Path) -> None:
    """Write the project's files into an empty folder, with its code but with weights of a few bytes."""
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("redenoise", "stages", "workflow", "published", "reports/spread"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    (folder / "workflow/costs.csv").unlink(missing_ok=True)
    (folder / "weights").mkdir()
    for name in ("some.json", "some.safetensors"):
        (folder / "weights" / name).write_text(name)


def build(config: Config) -> None:
    """Outputs and records of all nodes, in the working directory."""
    for node in graph.load(config).nodes:
        with provenance.recorded(config, node.stage, node.key):
            for path in map(Path, node.outputs):
                file = path if path.suffix else path / "index.csv"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{path}\n")
