"""Both engines for real, on a demo cut down to seconds of work: same bytes, clean status, recorded, pushed, pulled."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import graph
from redenoise.dag.config import load_config
from redenoise.dag.graph import Node
from tests.checkouts import checkout, copied, dvc, run, snakemake
from tests.conftest import ROOT

pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines are not run")
Repo = pytest.importorskip("dvc.repo", reason="DVC is not installed: the engines are not run").Repo
networkx = pytest.importorskip("networkx", reason="DVC is not installed: the engines are not run")


def reports(folder: Path) -> dict[str, bytes]:
    """Reports and results by name; the page `provenance` tells of one run (commit, seconds) and is left out."""
    files = [*(folder / "reports/demo").rglob("*.*"), *(folder / "build/demo/results").rglob("*.csv")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.stem != "provenance"}


def test_what_dvc_draws_is_not_committed(tmp_path: Path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    run(tmp_path, "git", "init", "-q")
    assert run(tmp_path, "git", "check-ignore", "dvc_plots/index.html") == "dvc_plots/index.html\n"


@pytest.fixture(scope="module")
def finished(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which Snakemake has run."""
    return copied(finished_checkout, tmp_path_factory.mktemp("snakemake") / "checkout")


@pytest.fixture(scope="module")
def nodes(finished: Path) -> dict[str, Node]:
    """The nodes of the checkout by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished)
        return graph.load(load_config("demo")).by_name


def test_second_run_does_nothing(finished: Path):
    assert "Nothing to be done" in snakemake(finished, "--dry-run")


def test_the_report_of_snakemake_opens_on_words(finished: Path, tmp_path: Path):
    snakemake(finished, "--report", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "how many cells of" in page
    assert re.search(r"var metadata = {.+}", page), "else it opens on the graph of all jobs"


def test_record_makes_dvc_agree_and_a_remote_serves_a_fresh_clone(finished: Path, tmp_path: Path):
    assert "recorded" in run(finished, sys.executable, "-m", "redenoise", "record")
    assert "up to date" in dvc(finished, "status")
    assert "reproduced" in dvc(finished, "metrics", "show")
    assert "CBM3D" in dvc(finished, "plots", "show", "reports/demo/averages.csv", "--show-vega")
    dvc(finished, "remote", "add", "--local", "--default", "there", str(tmp_path / "remote"))
    dvc(finished, "push")
    run(finished, "git", "add", "-A")
    run(finished, "git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "results")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(finished), str(clone))
    dvc(clone, "remote", "add", "--local", "--default", "there", str(tmp_path / "remote"))
    dvc(clone, "pull")
    assert "up to date" in dvc(clone, "status")
    assert reports(clone) == reports(finished)


def test_dvc_gives_the_same_bytes(finished: Path, tmp_path: Path):
    folder = checkout(tmp_path)
    dvc(folder, "repro")
    assert "up to date" in dvc(folder, "status")
    assert reports(folder) == reports(finished)


def test_nodes_read_and_write_what_they_declare(finished: Path, nodes: dict[str, Node]):
    """Provenance tells what a node has read and written; dvc.yaml, which equals the rules, what it may."""
    stages = {stage.name.replace("@", "-"): stage for stage in Repo(finished).index.stages}
    assert set(stages) == set(nodes)
    for name, stage in stages.items():
        record = json.loads((finished / nodes[name].record).read_text())
        outputs = {Path(out.fs_path).relative_to(finished.resolve()).as_posix() for out in stage.outs}
        assert {*record["outputs"], nodes[name].record} == outputs, name
        assert set(record["sources"]) == set(nodes[name].code), name
        inputs = {Path(dep.fs_path).relative_to(finished.resolve()) for dep in stage.deps}
        undeclared = [path for path in record["inputs"] if not {Path(path), *Path(path).parents} & inputs]
        assert undeclared == [], name


def test_record_refuses_outputs_of_other_inputs(finished: Path):
    path = finished / "build/demo/results/kodak-cdncnn_b.csv"
    original = path.read_bytes()
    try:
        path.write_bytes(original.replace(b"2", b"3", 1))
        message = run(finished, sys.executable, "-m", "redenoise", "record", fails=True)
        assert re.search(r"error: not recorded: build/demo/results/kodak-cdncnn_b.csv: has changed since", message)
        assert "Traceback" not in message
    finally:
        path.write_bytes(original)


def test_record_refuses_outputs_of_other_parameters(finished: Path):
    path = finished / "params.yaml"
    original = path.read_text()
    try:
        path.write_text(original.replace("seed: 0", "seed: 1"))
        message = run(finished, sys.executable, "-m", "redenoise", "record", fails=True)
        assert "synthesize-kodak.json: made with other parameters than today's" in message
    finally:
        path.write_text(original)


def test_changed_parameter_reruns_what_depends_on_it(finished: Path):
    path = finished / "params.yaml"
    original = path.read_text()
    try:
        path.write_text(original.replace("depth: 20", "depth: 21"))
        plan = snakemake(finished, "--dry-run", "--quiet", "reason")
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE))
        again = dict.fromkeys(("all", "architecture", "evaluate", "illustrate", "report", "restore"), 1)
        again |= {"train": original.count("depth: 20")}
        assert {rule: int(count) for rule, count in jobs.items()} == {**again, "total": sum(again.values())}
    finally:
        path.write_text(original)


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["scale=bnch"], "did you mean 'bench'"), (["seed=1"], "only scale can be set there")],
)
def test_wrong_config_ends_with_one_line(finished: Path, options: list[str], expected: str):
    command = (sys.executable, "-m", "snakemake", "--cores", "1", "--config", *options)
    message = run(finished, *command, fails=True)
    assert expected in message
    assert "Traceback" not in message


@pytest.fixture(scope="module")
def committed(finished: Path) -> Path:
    """The same checkout, of which DVC knows too."""
    if not (finished / "dvc.lock").exists():
        run(finished, sys.executable, "-m", "redenoise", "record")
    return finished


@pytest.fixture(scope="module")
def readers(committed: Path, nodes: dict[str, Node]) -> dict[str, set[str]]:
    """By name of a node all nodes that read from it, directly or through others, as DVC sees it.

    DVC has no inputs that are only waited for; where they stay the same, it stops there.
    """
    dag = Repo(committed).index.graph.copy()
    names = {stage: stage.name.replace("@", "-") for stage in dag}
    waited = {path for node in nodes.values() for path in node.waits}
    assert waited
    for stage, other in list(dag.edges):
        between = {*nodes[names[other]].outputs} & {*nodes[names[stage]].inputs}
        if between and between <= waited:
            dag.remove_edge(stage, other)
    return {names[stage]: {names[other] for other in networkx.ancestors(dag, stage)} for stage in dag}


def edited(path: Path, before: str, after: str) -> Callable[[], object]:
    """Change a file; the result changes it back."""
    original = path.read_text()
    assert before in original
    path.write_text(original.replace(before, after, 1))
    return lambda: path.write_text(original)


def moved_away(path: Path) -> Callable[[], object]:
    """Take a file or folder away; the result puts it back as it was."""
    aside = path.parents[3] / "aside"
    path.rename(aside)
    return lambda: aside.rename(path)


def first_json(text: str) -> dict:
    """The value that an output begins with; warnings may follow it."""
    return json.JSONDecoder().raw_decode(text)[0]


SOURCE = "redenoise/measure/items.py"
NOISY = "build/demo/noisy/kodak"


def edits(folder: Path) -> Callable[[], object]:
    """Change a parameter, a source and data at once; test_reruns.py changes them one by one."""
    undo = [
        edited(folder / "params.yaml", "depth: 20", "depth: 21"),
        edited(folder / SOURCE, '"""', '"""A change. '),
        edited(next((folder / "weights").glob("*.json")), "{", "{ "),
    ]
    return lambda: [restore() for restore in undo]


def causes(node: Node) -> set[str]:
    """What the plan says of a node after the edits."""
    found = {"parameter": node.name in ("train-dncnn_b", "architecture", "report"), "source": SOURCE in node.code}
    return {kind for kind, is_so in {**found, "input": node.name == "released"}.items() if is_so}


# What is done to the checkout, and what is then up to a node and not to an input of it.
CHANGES: dict[str, tuple[Callable[[Path], Callable[[], object]], Callable[[Node], set[str]]]] = {
    "edits": (edits, causes),
    "output": (
        lambda folder: moved_away(folder / NOISY),
        lambda node: {"output"} if node.name == "synthesize-kodak" else set(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_plan_agrees_with_both_engines(
    committed: Path, nodes: dict[str, Node], readers: dict[str, set[str]], change: str
):
    """DVC names what differs today; all that reads from it could change with it."""
    make, expected = CHANGES[change]
    restore = make(committed)
    try:
        plan = first_json(run(committed, sys.executable, "-m", "redenoise", "plan", "--json"))["nodes"]
        shown = re.findall(r"^ +output: (.*)$", snakemake(committed, "--dry-run"), re.MULTILINE)
        status = first_json(dvc(committed, "status", "--json"))
        # Where an output is gone, DVC's own dry run fails at the first node that reads it.
        dry = dvc(committed, "repro", "--dry") if change == "edits" else None
    finally:
        restore()
    differing = {name.replace("@", "-") for name in status}
    own = {name: {cause["kind"] for cause in node["causes"]} for name, node in plan.items() if node["causes"]}
    assert own == {name: expected(node) for name, node in nodes.items() if expected(node)}
    assert {*own} <= differing
    written = {path for line in shown for path in line.split(", ")}
    assert set(plan) == {name for name, node in nodes.items() if node.record in written}
    assert set(plan) == differing.union(*(readers[name] for name in differing))
    if dry:
        lines = [line for line in dry.splitlines() if "didn't change" not in line]
        assert {name.replace("@", "-") for name in re.findall(r"[Ss]tage '([^']+)'", "\n".join(lines))} == differing
