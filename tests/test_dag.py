"""The two engines hold the same DAG, that of the table of stages: every node's command, inputs and outputs.

Only Snakemake cuts nodes into shards, at a scale with `shard_minutes`: DVC runs one node after another and needs none,
so what it runs are the same nodes without these jobs and their markers.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from redenoise.commands import dvc, record
from redenoise.dag import graph
from redenoise.dag.config import Config, load_config
from redenoise.dag.table import BY_NAME, STAGES
from redenoise.support.errors import UserError
from stages.report import outputs as pages
from tests.conftest import ROOT

pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines' DAGs are not compared")
dvc_repo = pytest.importorskip("dvc.repo", reason="DVC is not installed: the engines' DAGs are not compared")

LINES = 390  # of dvc.yaml


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in which params.yaml names a scale, and the nodes of that."""

    folder: Path
    config: Config
    nodes: list[graph.Node]


@dataclass(frozen=True)
class Job:
    """A job of a dry run of Snakemake."""

    inputs: frozenset[str]
    outputs: frozenset[str]


@pytest.fixture(scope="module", params=["demo", "bench", "modern", "paper"])
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("redenoise", "stages", "workflow", "published", "weights", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in ("benchmark", "spread"):  # without the first, nothing is cut
        shutil.copytree(ROOT / "reports" / name, folder / "reports" / name)
    for name in ("Snakefile", "dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    params = folder / "params.yaml"
    params.write_text(re.sub(r"^scale: \w+", f"scale: {request.param}", params.read_text(), flags=re.MULTILINE))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = load_config()
        return Checkout(folder, config, graph.load(config).nodes)


@pytest.fixture(scope="module")
def jobs(checkout: Checkout) -> dict[str, Job]:
    """Jobs by their commands, read from a forced dry run; those of shards too."""
    command = [sys.executable, "-m", "snakemake", "-n", "-F", "--printshellcmds"]
    run = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = {}
    for block in re.split(r"\n(?=(?:local)?rule )", run.stdout + run.stderr):
        shell = re.search(r"(?:^|\n)(?:Shell command: )?(python -m stages\S* [^\n]*?) > \S+ 2>&1", block)
        if shell:
            lines = (re.findall(rf"^\s+{name}: (.*)$", block, re.MULTILINE)[:1] for name in ("input", "output"))
            found[shell[1]] = Job(*(frozenset(line[0].split(", ") if line else ()) for line in lines))
    return found


@pytest.fixture(scope="module")
def dvc_stages(checkout: Checkout) -> list:
    return list(dvc_repo.Repo(checkout.folder).index.stages)


def test_snakemake_runs_the_nodes_of_the_table(checkout: Checkout, jobs: dict[str, Job]):
    whole = {command: job for command, job in jobs.items() if " --shard " not in command}
    assert set(whole) == {node.command for node in checkout.nodes}
    for node in checkout.nodes:
        job, shards = whole[node.command], f"build/{checkout.config.scale}/shards/"
        assert {path for path in job.inputs if not path.startswith(shards)} == set(node.inputs), node.name
        files = node.outputs  # of the report Snakemake knows every file
        if node.stage == "report":
            files = tuple(path.as_posix() for path in pages(checkout.config.scale))
            assert all(path.startswith(f"{node.outputs[0]}/") for path in files)
        assert job.outputs == {*files, node.record}, node.name


def test_dvc_runs_the_nodes_of_the_table(checkout: Checkout, dvc_stages: list):
    """A folder among the deps stands for what lies in it, or will; what any model of a stage imports is there too."""
    stages = {stage.cmd: stage for stage in dvc_stages}
    assert set(stages) == {node.command for node in checkout.nodes}
    known = {path for node in checkout.nodes for path in (*node.outputs, node.record)}
    known |= {
        path.relative_to(checkout.folder).as_posix()
        for path in checkout.folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md" and path.name[0] != "."
    }
    for node in checkout.nodes:
        stage, reads = stages[node.command], {*node.inputs, *node.code}
        others = {path for path in dvc.code_of(BY_NAME[node.stage]) if path.endswith(".py")} - reads
        deps = {relative(dep.fs_path, checkout.folder) for dep in stage.deps if not hasattr(dep, "params")}
        inside = {path for path in known for dep in deps - reads - others if path.startswith(f"{dep}/")}
        assert deps & reads | inside == reads, node.name
        assert all((any(path.startswith(f"{dep}/") for path in inside)) for dep in deps - reads - others), node.name
        assert {relative(out.fs_path, checkout.folder) for out in stage.outs} == {*node.outputs, node.record}


def relative(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder.resolve()).as_posix()


def test_only_the_scale_paper_has_shards(checkout: Checkout, jobs: dict[str, Job]):
    cut = {command.split()[2].removeprefix("stages.") for command in jobs if " --shard " in command}
    assert bool(cut) == (checkout.config.scale == "paper")
    assert all(BY_NAME[name].sharded for name in cut)


def test_shards_read_what_their_nodes_read_and_end_before_these(checkout: Checkout, jobs: dict[str, Job]):
    by_command = {node.command: node for node in checkout.nodes}
    for command, job in jobs.items():
        whole, _, shard = command.partition(" --shard ")
        if shard:
            node = by_command[whole]
            assert job.inputs == set(node.inputs)
            assert job.outputs < jobs[whole].inputs


def test_dvc_tracks_the_parameters_that_the_node_depends_on(checkout: Checkout, dvc_stages: list):
    """`node_params` is what Snakemake compares and provenance records."""
    for stage in dvc_stages:
        name, _, key = stage.name.partition("@")
        tracked = {
            f"{'scale.' if 'scales' in dep.fs_path else ''}{param}"
            for dep in stage.deps
            if hasattr(dep, "params")
            for param in dep.params
        }
        entry = checkout.config.entry(name, key) if key else {}
        places = {"entry": f"{BY_NAME[name].section}.{key}", "download": f"downloads.{entry.get('dataset', key)}"}
        places["miniature"] = f"miniatures.{entry.get('network', {}).get('name')}"
        assert tracked == {places.get(param, param) for param in checkout.config.node_params(name, key or None)}, name


def test_every_caption_of_the_report_is_there_and_used():
    rules = "".join(path.read_text() for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")))
    named = re.findall(r'captions/(\w+\.rst)"', rules)
    assert sorted(set(named)) == sorted(path.name for path in (ROOT / "workflow/captions").iterdir())


def test_dvc_yaml_is_what_the_table_describes():
    text = (ROOT / "dvc.yaml").read_text()
    assert text == dvc.render()
    assert len(text.splitlines()) <= LINES


@pytest.mark.parametrize("text", [None, "", dvc.render() + "\n", dvc.render().replace("- seed\n", "", 1)])
def test_record_refuses_another_file_of_dvc(project: Path, text: str | None):
    if text is not None:
        Path("dvc.yaml").write_text(text)
    with pytest.raises(UserError, match="^dvc.yaml: not what redenoise/dag/table.py describes; write it with `redenoi"):
        record.record()


def test_every_stage_has_a_folder_and_a_file_of_rules():
    folders = {path.parent.name for path in (ROOT / "stages").glob("*/node.py")}
    rules = {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")} - {"common"}
    assert folders == rules == {stage.name for stage in STAGES}


def test_lint_reports_nothing_but_the_explained_exception():
    """workflow/README.md says why no rule has a conda environment of its own."""
    command = [sys.executable, "-m", "snakemake", "--lint"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    findings = set(re.findall(r"^ +\* (.*)$", run.stdout + run.stderr, re.MULTILINE))
    assert findings == {"Specify a conda environment or container for each rule.:"}
