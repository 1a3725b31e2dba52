"""A scratch project in which no node has done any work: outputs of one line, with the provenance of real stages."""

import shutil
from pathlib import Path

from redenoise.dag import graph, provenance
from redenoise.dag.config import Config
from stages.released.node import released_files
from tests.conftest import ROOT

LEFT_OUT = shutil.ignore_patterns("__pycache__")


def make(folder: Path) -> None:
    """Write the project's files into an empty folder, with its code but with weights of a few bytes."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("stages", "workflow", "published", "reports/spread"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    (folder / "workflow/costs.csv").unlink(missing_ok=True)
    (folder / "weights").mkdir()
    for name in ("some.json", "some.safetensors"):
        (folder / "weights" / name).write_text(name)


def build(config: Config) -> None:
    """Outputs and records of all nodes, in the working directory."""
    for node in graph.load(config).nodes:
        inputs = released_files() if node.stage == "released" else [Path(path) for path in node.inputs]
        outputs = [Path(path) for path in node.outputs if "/provenance/" not in path or node.stage == "report"]
        outputs = [path for path in outputs if path.parent.name != "provenance"]
        with provenance.recorded(config, node.stage, node.key, inputs, outputs):
            for path in outputs:
                file = path if path.suffix else path / "index.csv"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{path}\n")
