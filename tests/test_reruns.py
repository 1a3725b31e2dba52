"""What an edit makes run again, by the plan and by both engines, in a checkout in which everything was run."""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from redenoise.dag import graph
from redenoise.dag.config import load_config
from redenoise.dag.table import MEASURING
from tests.checkouts import copied, dvc, run, snakemake

pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines are not run")
pytest.importorskip("dvc", reason="DVC is not installed: the engines are not run")

NETWORK = """from torch import nn


class One(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, noisy, sigma):
        return self.layer(noisy)


def build(**options):
    return One(**options)
"""
FAMILY = """  one:
    network: {name: one, channels: 1}
    degradation: gaussian
    sigmas: [15, 25, 50]
    data: train400
    validation: set12
    schedule: modern
    weights: released
    published: {}
"""
TRAINING = {"train", "task", "cascade"}
ENGINE = (sys.executable, "-m", "snakemake", "--cores", "2", "--")
ANYWHERE = ("", "\n# An edit.\n")  # at the end of a file


@pytest.fixture(scope="module")
def checkout(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished checkout that DVC knows too."""
    folder = copied(finished_checkout, tmp_path_factory.mktemp("reruns") / "checkout")
    run(folder, sys.executable, "-m", "redenoise", "record")
    return folder


@pytest.fixture(scope="module")
def nodes(checkout: Path) -> graph.Graph:
    """The graph before any edit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout)
        return graph.load(load_config("demo"))


@contextmanager
def edited(folder: Path, edits: dict[str, tuple[str, str]]):
    """Replace one text in each of some files, or make a new file; all as before at the end."""
    with ExitStack() as undo:
        for name, (before, after) in edits.items():
            path = folder / name
            original = path.read_text() if path.exists() else None
            undo.callback(path.unlink if original is None else lambda path=path, text=original: path.write_text(text))
            assert before in (original or "")
            text = (original or "") + after if before == "" else str(original).replace(before, after, 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield


def verdicts(folder: Path) -> tuple[set[str], dict[str, set[str]], set[str], set[str]]:
    """Nodes that would run by the plan, their own causes of those that have some, by Snakemake, and DVC's own."""
    shown = run(folder, sys.executable, "-m", "redenoise", "plan", "--json")
    plan = json.JSONDecoder().raw_decode(shown)[0]["nodes"]
    outputs = "".join(re.findall(r"^ +output: .*$", snakemake(folder, "--dry-run"), re.MULTILINE))
    jobs = re.findall(r"build/demo/(?:provenance/)?([\w-]+)\.json", outputs)
    status = json.JSONDecoder().raw_decode(dvc(folder, "status", "--json"))[0]
    own = {name: {cause["name"] for cause in node["causes"]} for name, node in plan.items() if node["causes"]}
    return (
        set(plan),
        own,
        set(jobs),
        {name.replace("@", "-") for name in status},
    )


def behind(nodes: graph.Graph, first: Callable[[graph.Node], bool]) -> set[str]:
    """The nodes for which `first` holds, and all that follow them."""
    found: set[str] = set()
    for node in nodes.nodes:
        if first(node) or found & set(nodes.upstream[node.name]):
            found.add(node.name)
    return found


def comment(name: str) -> dict[str, tuple[str, str]]:
    return {name: ANYWHERE}


NOTHING = (
    *("redenoise/support/progress.py", "redenoise/support/files.py", "redenoise/dag/shards.py"),
    *("redenoise/sources/fetch.py", "redenoise/commands/sources.py", "redenoise/commands/plan/layout.py"),
    *("stages/train/__main__.py", "workflow/manifests/README.md", "workflow/manifests/stores.yaml"),
    *("published/README.md", "weights/README.md"),
)
# What is edited, and which nodes are up to it.
EDITS: dict[str, tuple[dict[str, tuple[str, str]], Callable[[graph.Node], bool]]] = {
    "the report": (comment("stages/report/overview.py"), lambda node: node.stage == "report"),
    "a network": (
        comment("redenoise/models/denoisers/dncnn.py"),
        lambda node: node.name in ("train-dncnn_s", "train-dncnn_b", "train-cdncnn_b", "architecture"),
    ),
    "noise": (
        comment("redenoise/measure/noise.py"),
        lambda node: node.stage in ("synthesize", "degrade", "recognize", "recognize_filtered", "illustrate"),
    ),
    "metrics": (
        comment("redenoise/measure/metrics.py"),
        lambda node: node.stage in ("illustrate", *MEASURING),
    ),
    "a filter": (
        comment("redenoise/models/filters/bm3d.py"),
        lambda node: (
            node.name in ("filter-kodak-cbm3d", "recognize_filtered-classification-cbm3d")
            or node.stage in ("illustrate", "architecture")
        ),
    ),
    "how a training is done": (
        comment("redenoise/training/step.py"),
        lambda node: node.stage in TRAINING,
    ),
    "released weights": (
        {"weights/proposed-sigma25.json": ("{", "{ ")},
        lambda node: node.stage == "released",
    ),
    "a parameter of a family": (
        {"params.yaml": ("depth: 17", "depth: 18")},
        lambda node: node.name in ("train-dncnn_s", "architecture", "report"),
    ),
    # The check for leakage has to end before, and is not followed.
    "a parameter behind the check for leakage": (
        {"params.yaml": ("title: Set12", "title: Twelve"), "workflow/scales/demo.yaml": ("steps: 2", "steps: 3")},
        lambda node: (
            node.name in ("download-set12", "synthesize-set12", "evaluate-set12-dncnn_s", "report")
            or node.stage == "train"
            or node.name.startswith("leakage-set12")
        ),
    ),
}


def test_nothing_runs_again_for_what_no_number_depends_on(checkout: Path):
    with edited(checkout, {name: ANYWHERE for name in NOTHING}):
        assert verdicts(checkout) == (set(), {}, set(), set())


# Made at once where no node but the report is up to both, or up to one and behind the other.
TOGETHER = (("released weights", "a parameter of a family"),)
GROUPS = (*TOGETHER, *((name,) for name in EDITS if name not in sum(TOGETHER, ())))


@pytest.mark.parametrize("names", GROUPS, ids=" and ".join)
def test_edit_runs_what_depends_on_it_and_nothing_else(checkout: Path, nodes: graph.Graph, names: tuple[str, ...]):
    found = [EDITS[name] for name in names]
    firsts = [{node.name for node in nodes.nodes if first(node)} for _, first in found]
    with edited(checkout, {name: edit for edits, _ in found for name, edit in edits.items()}):
        plan, own, jobs, differing = verdicts(checkout)
    assert plan == behind(nodes, lambda node: any(first(node) for _, first in found))
    assert jobs == plan
    assert differing == {*own} == set().union(*firsts)
    for (edits, _), mine in zip(found, firsts, strict=True):  # each node for its own edit and for no other
        files = {name for name in edits if name != "params.yaml"}
        if len(files) == len(edits):
            assert {node for node, causes in own.items() if files & causes} == mine


def test_new_network_runs_its_own_nodes_and_what_lists_all_families(checkout: Path):
    evaluation = "evaluations:\n  set12-one: {dataset: set12, family: one, pair: set12-train400, method: One}\n"
    edits = {
        "redenoise/models/denoisers/one.py": ("", NETWORK),
    }
    text = (checkout / "params.yaml").read_text()
    changed = text.replace("families:\n", f"families:\n{FAMILY}", 1).replace("evaluations:\n", evaluation, 1)
    changed = changed.replace("miniatures:\n", "miniatures:\n  one: {}\n", 1)
    edits["params.yaml"] = (text, changed)
    with edited(checkout, edits):
        plan, own, jobs, differing = verdicts(checkout)
    assert plan == jobs == {"train-one", "evaluate-set12-one", "architecture", "report"}
    assert differing == {*own}


def test_finished_training_is_taken_up_again(checkout: Path):
    weights = checkout / "build/demo/weights/dncnn_s"
    before = {path.name: path.read_bytes() for path in weights.iterdir() if path.name[0] != "."}
    with edited(checkout, comment("stages/train/node.py")):
        snakemake(checkout, "--", "build/demo/weights/dncnn_s")
        log = (checkout / "build/demo/logs/train-dncnn_s.log").read_text()
    assert log.count("trained already, taken up") == len(list(weights.glob("*.safetensors")))
    assert {path.name: path.read_bytes() for path in weights.iterdir() if path.name[0] != "."} == before


def test_a_clock_ahead_costs_no_training(checkout: Path):
    """Snakemake removes outputs that are older than an input, after a training that was done to its end."""
    weights = checkout / "build/demo/weights/dncnn_s"
    before = {path.name: path.read_bytes() for path in weights.iterdir() if path.name[0] != "."}
    for made in (weights, checkout / "build/demo/checkpoints/dncnn_s"):
        shutil.rmtree(made)
    start, ahead = checkout / "build/demo/leakage/set12-train400.txt", time.time() + 86400
    kept = start.stat()
    os.utime(start, (ahead, ahead))
    told = run(checkout, *ENGINE, "build/demo/weights/dncnn_s", fails=True)
    os.utime(start, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert "clock skew" in told and not weights.exists()
    snakemake(checkout, "--", "build/demo/weights/dncnn_s")
    log = (checkout / "build/demo/logs/train-dncnn_s.log").read_text()
    assert log.count("trained already, taken up") == len(list(weights.glob("*.safetensors"))) > 0
    assert {path.name: path.read_bytes() for path in weights.iterdir() if path.name[0] != "."} == before
