"""Two runs in one checkout at once: the second is turned away or waits, the first goes on, and the bytes are the same.

The tests hold the lock of the one network that is trained, which keeps a run in the middle of its work for as long as
they need.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from redenoise.support.locks import exclusive
from tests.checkouts import ENVIRONMENT, copied, dvc, processes, run

pytest.importorskip("snakemake", reason="Snakemake is not installed: no two runs of it")
pytest.importorskip("dvc.repo", reason="DVC is not installed: no two runs of it")

TRAIN = (sys.executable, "-m", "stages.train", "--scale", "demo", "--only", "cdncnn_b")
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--cores", "2", "build/demo/weights/cdncnn_b")
DVC = (sys.executable, "-m", "dvc", "repro", "train@cdncnn_b")
LOCK = "dvc.lock.before"
BEFORE = ("download@", "released", "leakage")  # what the training reads and waits for
WEIGHTS = "build/demo/weights/cdncnn_b/model.safetensors"
SECONDS = 300  # for what takes a few on an idle machine


@pytest.fixture(scope="module")
def quiet(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A checkout of which both engines know all before the training, and the weights that one run alone made in it."""
    folder = copied(finished_checkout, tmp_path_factory.mktemp("two") / "checkout")
    run(folder, sys.executable, "-m", "redenoise", "record")
    known = yaml.safe_load((folder / "dvc.lock").read_text())
    before = {name: stage for name, stage in known["stages"].items() if name.startswith(BEFORE)}
    (folder / LOCK).write_text(yaml.safe_dump({**known, "stages": before}))  # a short one is read sooner
    return folder, (folder / WEIGHTS).read_bytes()


@pytest.fixture
def folder(quiet: tuple[Path, bytes]) -> Iterator[Path]:
    """The same, with the weights still to be made, and not to be had from the runs that DVC remembers either."""
    folder, _ = quiet
    for name in ("build/demo/checkpoints", "build/demo/weights/cdncnn_b", ".dvc/cache/runs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copy(folder / LOCK, folder / "dvc.lock")
    (folder / "build/demo/logs/train-cdncnn_b.log").unlink(missing_ok=True)
    yield folder
    for pid in processes(folder):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep the training from going on."""
    with exclusive(folder / "build/demo/.locks/train-cdncnn_b-model.lock", "test"):
        yield


def begun(folder: Path, name: str, *command: str) -> subprocess.Popen:
    """A command at work, its output in a file of the checkout."""
    with (folder / name).open("w") as output:
        quiet = {"stdout": output, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, start_new_session=True, **quiet)


def wait_for(what: str, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < until, f"{what}: not within {SECONDS} s"
        time.sleep(0.1)


def says(path: Path, text: str) -> Callable[[], bool]:
    return lambda: path.exists() and text in path.read_text()


def stages_in(folder: Path) -> list[str]:
    return [line for line in processes(folder).values() if "stages." in line]


def test_second_snakemake_is_turned_away_and_a_stage_by_hand_waits(folder: Path, quiet: tuple[Path, bytes]):
    with held(folder):
        first = begun(folder, "first.txt", *SNAKEMAKE)
        log = folder / "build/demo/logs/train-cdncnn_b.log"
        wait_for("the first training", says(log, "train cdncnn_b model: another process is at work on it; waiting"))
        message = run(folder, *SNAKEMAKE, fails=True)
        assert "Directory cannot be locked" in message
        assert "--unlock" in message
        assert "Traceback" not in message
        by_hand = begun(folder, "second.txt", *TRAIN)
        waiting = "train cdncnn_b: another process is at work on it; waiting"
        wait_for("the second training", says(folder / "second.txt", waiting))
        assert (first.poll(), by_hand.poll()) == (None, None)
    assert first.wait(SECONDS) == 0, (folder / "first.txt").read_text()
    assert by_hand.wait(SECONDS) == 0, (folder / "second.txt").read_text()
    assert (folder / WEIGHTS).read_bytes() == quiet[1]


def test_second_dvc_is_turned_away(folder: Path, quiet: tuple[Path, bytes]):
    with held(folder):
        first = begun(folder, "first.txt", *DVC)
        wait_for("the training", says(folder / "first.txt", "train cdncnn_b model: another process is at work"))
        message = run(folder, *DVC, fails=True)
        assert "is busy, it is being blocked by" in message
        assert f"(PID {first.pid})" in message
        assert first.poll() is None
    assert first.wait(SECONDS) == 0, (folder / "first.txt").read_text()
    assert (folder / WEIGHTS).read_bytes() == quiet[1]


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])  # bash gives way to a single command, dash stays
def test_a_stage_ends_with_a_killed_dvc_which_then_goes_on(
    folder: Path, quiet: tuple[Path, bytes], shell: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ENVIRONMENT, "SHELL", shell)
    with held(folder):
        first = begun(folder, "first.txt", *DVC)
        wait_for("the training", says(folder / "first.txt", "train cdncnn_b model: another process is at work"))
        first.kill()
        first.wait()
        wait_for("the end of the stage", lambda: not stages_in(folder))
    dvc(folder, *DVC[3:])
    assert (folder / WEIGHTS).read_bytes() == quiet[1]
