"""A disk that is really full: one line, nothing half-written, and the same command does its work once there is room."""

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.command_line import launch
from stages.train.__main__ import options as train_options
from tests.mounts import small_disk
from tests.report_project import make_project
from tests.training_project import small_demo

FILLER = "filler"
EVALUATION = "set12-dncnn_s"


@pytest.fixture
def build(project: Path) -> Iterator[Path]:
    """A project whose folder `build` is a disk of its own."""
    with small_disk(project / "build"):
        yield project / "build"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str]]:
    """Runs the command line of a stage; returns its exit code and what it wrote to stderr."""

    def command(stage: str, *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["stage", "--scale", "demo", *arguments])
        capsys.readouterr()
        try:
            launch(stage, "", *((train_options, ("model",)) if stage == "train" else ()))
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return command


def fill(folder: Path) -> None:
    """Leave no block of a disk free."""
    with (folder / FILLER).open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12):
            while True:
                try:
                    stream.write(b"\1" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    break
    assert shutil.disk_usage(folder).free == 0


def contents(*folders: Path) -> dict[str, bytes]:
    """Every file but locks and logs, which nobody reads, and the filler."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {str(file): file.read_bytes() for file in files if file.name != FILLER and ".locks" not in file.parts}


def refused_then_done(run: Callable, disk: Path, stage: str, *arguments: str) -> None:
    """A stage on a full disk, and again when there is room."""
    fill(disk)
    before = contents(disk)
    code, lines = run(stage, *arguments)
    assert code == 1
    assert "Traceback" not in lines
    errors = [line for line in lines.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.match(r"error: (build|reports)\S*: no room on disk; nothing half-written was kept; free some", errors[0])
    assert contents(disk) == before
    (disk / FILLER).unlink()
    code, lines = run(stage, *arguments)
    assert code == 0, lines


def test_download(build: Path, run: Callable):
    refused_then_done(run, build, "download", "--only", "set12")
    index = paths.data("demo", "set12") / "index.csv"
    first = index.read_bytes()
    refused_then_done(run, build, "download", "--only", "set12")
    assert index.read_bytes() == first


def test_synthesize(build: Path, run: Callable):
    small_demo()
    refused_then_done(run, build, "synthesize", "--only", "set12")


def test_a_training_and_its_checkpoint(build: Path, run: Callable):
    small_demo()
    refused_then_done(run, build, "train", "--only", "dncnn_s", "--model", "sigma25")
    assert (paths.checkpoints("demo", "dncnn_s") / "sigma25.safetensors").is_file()
    refused_then_done(run, build, "train", "--only", "dncnn_s")
    assert (paths.weights("demo", "dncnn_s") / "sigma25.safetensors").is_file()


def test_an_evaluation_and_its_items(build: Path, run: Callable):
    small_demo()
    for stage, key in (("synthesize", "set12"), ("train", "dncnn_s"), ("evaluate", EVALUATION)):
        assert run(stage, "--only", key)[0] == 0
    result = paths.results("demo", EVALUATION)
    first = result.read_bytes()
    shutil.rmtree(paths.items("demo", EVALUATION))
    refused_then_done(run, build, "evaluate", "--only", EVALUATION)
    assert result.read_bytes() == first


def test_the_report(tmp_path: Path, project: Path, run: Callable):
    make_project(tmp_path, "demo")
    with small_disk(project / "reports", "16m"):
        assert run("report")[0] == 0
        refused_then_done(run, project / "reports", "report")
