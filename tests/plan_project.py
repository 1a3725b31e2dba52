"""A scratch project in which no node has done any work: outputs of one line, with the provenance of real stages."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from redenoise.commands.plan import differences
from redenoise.dag import graph, provenance
from redenoise.dag.config import Config, load_config
from tests.conftest import ROOT

with pytest.MonkeyPatch.context() as patched:
    patched.chdir(ROOT)
    NODES = len(load_config("demo").nodes()) + 1  # with the report

LEFT_OUT = shutil.ignore_patterns("__pycache__")


def make(folder: Path) -> None:
    """Write the project's files into an empty folder, with its code but with weights of a few bytes."""
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("redenoise", "stages", "workflow", "published", "reports/spread", "reports/benchmark"):
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


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with outputs and records of all nodes at the scale demo."""
    folder = tmp_path_factory.mktemp("built")
    make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(provenance, "ROOT", folder)
        build(load_config("demo"))
    return folder


@pytest.fixture
def built(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, made the working directory and the place of the code."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(provenance, "ROOT", folder)
    return folder


def judge(scale: str = "demo") -> dict[str, differences.Verdict]:
    config = load_config(scale)
    return differences.judge(config, graph.load(config))


def causes() -> dict[str, list[str]]:
    """Causes of every node with one of its own."""
    return {name: [str(cause) for cause in found.causes] for name, found in judge().items() if found.causes}


def running() -> set[str]:
    return {name for name, found in judge().items() if found.runs}


def replace(path: str, before: str, after: str) -> None:
    text = Path(path).read_text()
    assert before in text
    Path(path).write_text(text.replace(before, after, 1))


def change_record(name: str, **fields: Any) -> None:
    path = Path(f"build/demo/provenance/{name}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
