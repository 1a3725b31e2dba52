"""Both engines for real, on a demo cut down to seconds of work: same bytes, clean status, recorded, pushed, pulled."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines are not run")
Repo = pytest.importorskip("dvc.repo", reason="DVC is not installed: the engines are not run").Repo

ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
ENVIRONMENT.pop("REDENOISE_MIRROR", None)


def run(folder: Path, *command: str, fails: bool = False) -> str:
    """Output of a command in a checkout, run with this interpreter's environment."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def snakemake(folder: Path, *options: str) -> str:
    return run(folder, sys.executable, "-m", "snakemake", "--cores", "2", *options)


def dvc(folder: Path, *command: str) -> str:
    return run(folder, sys.executable, "-m", "dvc", *command)


def reports(folder: Path) -> dict[str, bytes]:
    """Reports and results by name; provenance.md tells of one run (commit, seconds) and is left out."""
    files = [*(folder / "reports/demo").rglob("*.*"), *(folder / "build/demo/results").rglob("*.csv")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.name != "provenance.md"}


def checkout(target: Path) -> Path:
    """A commit of the project as it stands here, with tiny demo settings."""
    for name in ("stages", "workflow", "published", "weights"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, target)
    (target / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(ROOT / ".dvc" / name, target / ".dvc")
    scale = target / "workflow/scales/demo.yaml"
    text = re.sub(r"steps: \d+", "steps: 2", scale.read_text())
    text = re.sub(r"test: \d+, train: \d+, size: \d+", "test: 1, train: 2, size: 48", text)
    scale.write_text(re.sub(r"depth: \d+, width: \d+", "depth: 3, width: 4", text))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        run(target, "git", "-c", "user.name=test", "-c", "user.email=test@localhost", *command)
    return target


def test_what_dvc_draws_is_not_committed(tmp_path: Path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    run(tmp_path, "git", "init", "-q")
    assert run(tmp_path, "git", "check-ignore", "dvc_plots/index.html") == "dvc_plots/index.html\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which Snakemake has run."""
    folder = checkout(tmp_path_factory.mktemp("snakemake"))
    snakemake(folder)
    return folder


def test_second_run_does_nothing(finished: Path):
    assert "Nothing to be done" in snakemake(finished, "--dry-run")


def test_record_makes_dvc_agree_and_a_remote_serves_a_fresh_clone(finished: Path, tmp_path: Path):
    assert "recorded" in run(finished, sys.executable, "-m", "stages.record")
    assert "up to date" in dvc(finished, "status")
    assert "psnr" in dvc(finished, "metrics", "show")
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


def test_nodes_read_and_write_what_they_declare(finished: Path):
    """Provenance tells what a node has read and written; dvc.yaml, which equals the rules, what it may."""
    for stage in Repo(finished).index.stages:
        name = stage.name.replace("@", "-")
        record = json.loads((finished / f"build/demo/provenance/{name}.json").read_text())
        outputs = {Path(out.fs_path).relative_to(finished.resolve()).as_posix() for out in stage.outs}
        assert set(record["outputs"]) | {f"build/demo/provenance/{name}.json"} == outputs, name
        inputs = {Path(dep.fs_path).relative_to(finished.resolve()) for dep in stage.deps}
        undeclared = [path for path in record["inputs"] if not {Path(path), *Path(path).parents} & inputs]
        assert undeclared == [], name


def test_record_refuses_outputs_of_other_inputs(finished: Path):
    path = finished / "build/demo/results/kodak-dncnn.csv"
    original = path.read_bytes()
    try:
        path.write_bytes(original.replace(b"2", b"3", 1))
        message = run(finished, sys.executable, "-m", "stages.record", fails=True)
        assert re.search(r"error: not recorded: build/demo/results/kodak-dncnn.csv: has changed since", message)
        assert "Traceback" not in message
    finally:
        path.write_bytes(original)


def test_record_refuses_outputs_of_other_parameters(finished: Path):
    path = finished / "params.yaml"
    original = path.read_text()
    try:
        path.write_text(original.replace("seed: 0", "seed: 1"))
        message = run(finished, sys.executable, "-m", "stages.record", fails=True)
        assert "synthesize-kodak.json: made with other parameters than today's" in message
    finally:
        path.write_text(original)


def test_changed_parameter_reruns_what_depends_on_it(finished: Path):
    path = finished / "params.yaml"
    original = path.read_text()
    try:
        path.write_text(original.replace("depth: 17", "depth: 18"))
        plan = snakemake(finished, "--dry-run", "--quiet", "reason")
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE))
        assert jobs == {"all": "1", "architecture": "1", "evaluate": "2", "report": "1", "train": "1", "total": "6"}
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
