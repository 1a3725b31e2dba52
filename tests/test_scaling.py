"""The measurement of scaling: a larger grid that is valid, commands within limits, Slurm's stand-ins, the page."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.common import config
from stages.common.errors import UserError
from stages.plan import graph
from stages.scaling import grid, measure, project, report, run, slurm
from tests.conftest import ROOT

SINGLE = 5  # nodes of which there is one at any size: leakage, released, architecture, illustrate, report


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with a grid twice as large, at the scale paper."""
    folder = tmp_path_factory.mktemp("doubled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        project.make(folder, "paper", 2)
    return folder


def test_one_time_the_grid_is_the_grid():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert grid.multiplied(params, 1) == params


def test_larger_grid_is_valid_and_its_copies_refer_to_copies(doubled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(doubled)
    settings = config.load("paper")  # checks names, references, kinds
    dag = graph.load(settings)
    monkeypatch.chdir(ROOT)
    before = len(graph.load(config.load("paper")).nodes)
    assert len(dag.nodes) == 2 * (before - SINGLE) + SINGLE
    upstream = dag.upstream["recognition-segmentation-joint_2020_x2"]
    assert upstream == ("labelled-voc_val_x2", "task-segmentation_x2", "cascade-segment_2020_x2")
    assert dag.upstream["evaluate-kodak-dncnn"] == ("synthesize-kodak", "download-kodak", "train-dncnn_color")
    assert len(dag.upstream["report"]) == len(dag.nodes) - 1
    for node in dag.nodes:
        orphans = [path for path in node.inputs if not dag.maker(path) and not (doubled / path).exists()]
        assert orphans == [], node.name


def test_snakemake_sees_the_same_larger_grid(doubled: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("snakemake", reason="Snakemake is not installed: its DAG is not counted")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2"]
    shown = subprocess.run(command, cwd=doubled, capture_output=True, text=True, check=True).stdout
    monkeypatch.chdir(doubled)
    nodes = {node.name for node in graph.load(config.load("paper")).nodes}
    made = set(
        re.findall(r"build/paper/provenance/([\w-]+)\.json", "".join(re.findall(r"^ +output: .*$", shown, re.M)))
    )
    assert made == nodes
    assert set(re.findall(r"^Shell command: (\S+ \S+)", shown, re.M)) <= {f"sh {project.STUB}"}
    assert "python -m" not in shown


def test_rule_whose_command_is_not_found_is_refused(tmp_path: Path):
    (tmp_path / "workflow/rules").mkdir(parents=True)
    (tmp_path / "workflow/rules/a.smk").write_text("rule a:\n    run:\n        work()\n")
    with pytest.raises(UserError, match="a.smk: a rule's shell command was not found"):
        project._replace_commands(tmp_path)


def test_command_is_measured_with_its_children(tmp_path: Path):
    child = "x = b'x' * 80_000_000; sum(range(4_000_000))"
    code = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {child!r}])'
    found = measure.run([sys.executable, "-c", code], tmp_path, 60)
    assert found.ended
    assert found.cpu > 0.02
    assert found.memory_mb > 80


def test_command_over_its_limit_is_ended_with_all_that_it_started(tmp_path: Path):
    script = "sleep 1000 & echo $! > child; while :; do :; done"
    found = measure.run(["sh", "-c", script], tmp_path, 1)
    assert not found.ended
    child = int((tmp_path / "child").read_text())
    for _ in range(100):  # until init has taken the orphan away
        if not alive(child):
            return
        time.sleep(0.05)
    pytest.fail("the child is still there")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_failed_command_is_refused_with_what_it_said(tmp_path: Path):
    with pytest.raises(UserError, match="ended with code 3; its output ends: no room"):
        measure.run(["sh", "-c", "echo no room; exit 3"], tmp_path, 10)


def array_call() -> str:
    tasks = {"2": "python -m snakemake --target-jobs 'train:key=b' --cores 1", "3": "x --target-jobs 'train:key=c'"}
    packed = {number: zlib.compress(text.encode()).hex() for number, text in tasks.items()}
    payload = base64.b64encode(json.dumps(packed).encode()).decode()
    return f"snakemake --target-jobs 'train:key=a' --cores 1 --slurm-jobstep-array-execs='{payload}'"


def test_submissions_are_understood():
    assert slurm.submitted("snakemake --target-jobs 'evaluate:key=kodak-dncnn' --cores 1") == ["evaluate:kodak-dncnn"]
    assert slurm.submitted("x --target-jobs 'leakage:' 'train:key=a_b' --allowed-rules x") == ["leakage", "train:a_b"]
    assert slurm.submitted(array_call()) == ["train:a", "train:b", "train:c"]


def test_stand_ins_make_outputs_and_count(tmp_path: Path):
    jobs = {"leakage": ["out/leakage.json"], **{f"train:{key}": [f"out/{key}"] for key in "abc"}}
    place = slurm.install(tmp_path / "slurm", jobs)
    environment = {**os.environ, "PATH": f"{place}{os.pathsep}{os.environ['PATH']}"}

    def call(*command: str, text: str = "") -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, input=text, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert call("sbatch", "--parsable", "--wrap=x --target-jobs 'leakage:' --cores 1") == "1\n"
    assert call("sbatch", "--array=1-3", "/dev/stdin", text=array_call()) == "2\n"
    assert call("squeue", "--noheader").split() == [f"{job}|COMPLETED" for job in ("1", "2_1", "2_2", "2_3")]
    assert call("srun", "-n1", "--cpu-bind=q", "echo", "a", "-b") == "a -b\n"
    assert (tmp_path / "out/leakage.json").is_file()
    assert all((tmp_path / "out" / key / "index.csv").is_file() for key in "abc")
    assert slurm.counts(tmp_path / "slurm") == {
        "jobs of Slurm": 4, "calls of sbatch": 2, "calls of squeue": 1, "calls of srun": 1
    }  # fmt: skip


def test_sizes_are_measured_and_what_did_not_end_is_not_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    endless = ["sh", "-c", "while :; do :; done"]
    plan = [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); from stages.plan import graph"]
    monkeypatch.setattr(run, "COMMANDS", {"plan": plan, "run": endless, "dvc commit": plan})
    said: list[str] = []
    record = run.measure("paper", [1, 2], 1, False, said.append)
    first, second = record["sizes"]
    assert second["counts"]["nodes"] == 2 * first["counts"]["nodes"] - SINGLE
    assert first["usage"]["plan"]["ended"] and first["usage"]["plan"]["cpu"] > 0
    assert first["usage"]["run"]["tried"] and not first["usage"]["run"]["ended"]
    assert first["usage"]["dvc commit"] == second["usage"]["run"] == run.NOT_TRIED
    assert [text.partition(":")[0] for text in said] == [
        "1 x the grid, plan",
        "1 x the grid, run",
        "2 x the grid, plan",
    ]


def used(cpu: float, wall: float | None = None, ended: bool = True) -> dict[str, Any]:
    return {"wall": wall or cpu, "cpu": cpu, "memory_mb": 100.0, "ended": ended, "tried": True}


def sample() -> dict[str, Any]:
    """A record in which the no-op run and DVC grow faster than the grid, and the jobs of Slurm together do."""
    usage = {"plan": used(1.0), "dry run": used(2.0, wall=20.0), "no-op run": used(3.0), "no-op dvc repro": used(40.0)}
    usage[run.SLURM_JOB] = used(4.0)
    later = {"plan": used(5.0), "dry run": used(20.0), "no-op run": used(60.0), "no-op dvc repro": used(9, ended=False)}
    later[run.SLURM_JOB] = used(8.0)
    sizes = [
        {"times": 1, "load": 0.5, "counts": {"nodes": 100, "jobs of Slurm": 90}, "usage": usage},
        {"times": 10, "load": 0.5, "counts": {"nodes": 1000, "jobs of Slurm": 900}, "usage": later},
    ]
    machine = {"processor": "P", "cores": 2, "load": 0.5, "python": "3", "snakemake": "9", "dvc": "3"}
    return {"scale": "paper", "limit": 600.0, "machine": machine, "sizes": sizes}


def test_page_says_what_was_reached_and_what_grows_too_fast():
    page = report.render(sample())
    targets = page.split("## Targets")[1].split("##")[0]
    verdicts = re.findall(r"\| +(reached[\w ]*?|missed) +\|$", targets, re.M)
    assert verdicts == ["reached in CPU time", "reached", "missed", "reached", "reached", "missed", "missed"]
    faster = page.split("## What grows faster")[1]
    assert f"{run_name('no-op run')}: 20.0 times as much from 1 to 10 times the grid, 10.0 times the nodes." in faster
    assert f"{run_name('no-op dvc repro')}: did not end at 10 times the grid. DVC reads params.yaml anew" in faster
    assert "in all Slurm jobs together: 20.0 times as much" in faster
    assert run_name("dry run") not in faster
    assert "not ended after 600 s of CPU" in page


def test_page_says_what_was_not_tried():
    record = sample()
    record["sizes"][1]["usage"]["no-op dvc repro"] = run.NOT_TRIED
    assert "not tried: what it needs did not end | missed" in re.sub(" +", " ", report.render(record))


def run_name(name: str) -> str:
    return report.NAMES[name]


@pytest.mark.parametrize("arguments", [["--times", "0"], ["--limit", "0"], ["--scale", "papr"]])
def test_wrong_arguments_end_with_one_line(arguments: list[str], tmp_path: Path):
    command = [sys.executable, "-m", "stages.scaling", "--output", str(tmp_path / "page.md"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*\n", done.stderr)
