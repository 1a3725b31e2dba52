"""What happens to clusters happens to runs on a real Slurm of one machine: they end in the same bytes all the same."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.checkouts import processes, run
from tests.conftest import ROOT
from tests.slurm import node
from tests.slurm.fixtures import FAMILY, OUTPUT, SECONDS, ask, begun, process_of, unmade

WEIGHTS = (f"build/demo/weights/{FAMILY}",)


@pytest.fixture
def folder(slurm: dict[str, str], local: Path, tmp_path: Path) -> Iterator[Path]:
    """A checkout in which the training is still to be made; its nodes are there afterwards."""
    yield unmade(local, tmp_path / "copy")
    for name in node.NODES:
        command = ["scontrol", "update", f"NodeName={name}", "State=RESUME"]
        subprocess.run(command, env=slurm, capture_output=True, check=False)  # an error where it is there


def wait_for(ready: Callable[[], object], running: subprocess.Popen, folder: Path) -> None:
    """Wait for something to happen while Snakemake goes on."""
    until = time.monotonic() + SECONDS
    while not ready():
        assert running.poll() is None, (folder / OUTPUT).read_text()
        assert time.monotonic() < until, (folder / OUTPUT).read_text()
        time.sleep(0.2)


def wait_for_training(running: subprocess.Popen, folder: Path) -> None:
    log = folder / f"build/demo/logs/train-{FAMILY}.log"
    wait_for(lambda: log.exists() and "step 100" in log.read_text(), running, folder)


def jobs(slurm: dict[str, str], rule: str, folder: Path) -> list[dict[str, str]]:
    """Fields of what `scontrol` shows of the jobs of a rule in one checkout, also of ended ones, in their order."""
    lines = ask(slurm, "scontrol", "show", "job", "--oneliner").splitlines()
    found = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if f"rule_{rule}_" in line]
    return sorted((job for job in found if job["WorkDir"] == str(folder)), key=lambda job: int(job["JobId"]))


def finish(running: subprocess.Popen, folder: Path, local: Path) -> None:
    """Wait for Snakemake's end, and compare what it made with what was made without Slurm."""
    assert running.wait(SECONDS) == 0, (folder / OUTPUT).read_text()
    made, expected = (sorted((place / WEIGHTS[0]).iterdir()) for place in (folder, local))
    assert [path.name for path in made] == [path.name for path in expected]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in expected]
    assert processes(folder) == {}


def test_cancelled_job_is_submitted_again(slurm: dict[str, str], local: Path, folder: Path):
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for_training(running, folder)
        first = jobs(slurm, "train", folder)[0]
        ask(slurm, "scancel", first["JobId"])
        finish(running, folder, local)
    states = [job["JobState"] for job in jobs(slurm, "train", folder)]
    assert states == ["CANCELLED", "COMPLETED"]
    assert "goes on from step" in (folder / f"build/demo/logs/train-{FAMILY}.log").read_text()


def test_jobs_wait_for_drained_nodes(slurm: dict[str, str], local: Path, folder: Path):
    for name in node.NODES:
        ask(slurm, "scontrol", "update", f"NodeName={name}", "State=DRAIN", "Reason=test")
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for(lambda: jobs(slurm, "train", folder), running, folder)
        time.sleep(5)  # it could start, were the nodes there
        waiting = jobs(slurm, "train", folder)[-1]
        assert (waiting["JobState"], waiting["RunTime"]) == ("PENDING", "00:00:00")
        for name in node.NODES:
            ask(slurm, "scontrol", "update", f"NodeName={name}", "State=RESUME")
        finish(running, folder, local)
    assert [job["JobState"] for job in jobs(slurm, "train", folder)] == ["COMPLETED"]


def test_training_outlives_its_node(slurm: dict[str, str], local: Path, folder: Path):
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for_training(running, folder)
        node.lose(slurm, "gpus")
        # Slurm would come to this by itself after SlurmdTimeout, minutes later.
        ask(slurm, "scontrol", "update", "NodeName=gpus", "State=DOWN", "Reason=test")
        wait_for(lambda: jobs(slurm, "train", folder)[0]["JobState"] != "RUNNING", running, folder)
        node.restart(slurm, "gpus")
        ask(slurm, "scontrol", "update", "NodeName=gpus", "State=RESUME")
        # Slurm would keep what it has queued again for minutes.
        ask(slurm, "scontrol", "update", f"JobId={jobs(slurm, 'train', folder)[0]['JobId']}", "StartTime=now")
        finish(running, folder, local)
    assert jobs(slurm, "train", folder)[-1]["JobState"] == "COMPLETED"


def test_a_job_at_the_end_of_its_time_writes_a_checkpoint_and_goes_on_in_another(
    slurm: dict[str, str], local: Path, folder: Path
):
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for_training(running, folder)
        # As if it had steps for longer than its time. What Slurm sends wakes it.
        os.kill(process_of("train", folder), signal.SIGSTOP)
        first = jobs(slurm, "train", folder)[0]["JobId"]
        ask(slurm, "scontrol", "update", f"JobId={first}", "TimeLimit=1")
        finish(running, folder, local)
    ended = jobs(slurm, "train", folder)
    assert [job["JobState"] for job in ended] == ["FAILED", "COMPLETED"]
    assert ended[0]["ExitCode"] == "1:0"
    assert "goes on from step" in (folder / f"build/demo/logs/train-{FAMILY}.log").read_text()
    assert "stopped by signal 15" in (folder / OUTPUT).read_text()


def test_a_run_outlives_the_controller(slurm: dict[str, str], local: Path, folder: Path):
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for_training(running, folder)
        node.lose_controller(slurm)
        time.sleep(20)  # Snakemake asks after its jobs meanwhile, and the training ends
        assert running.poll() is None
        node.restart_controller(slurm)
        finish(running, folder, local)
    assert [job["JobState"] for job in jobs(slurm, "train", folder)] == ["COMPLETED"]


def test_killed_snakemake_goes_on_after_the_line_of_the_documentation(slurm: dict[str, str], local: Path, folder: Path):
    line = re.search(
        r"^    (squeue --me .*redenoise_.*scancel)$", (ROOT / "docs/cluster.md").read_text(), re.MULTILINE
    )[1]
    with begun(folder, slurm, WEIGHTS) as running:
        wait_for_training(running, folder)
        running.kill()
        running.wait()
    assert [job["JobState"] for job in jobs(slurm, "train", folder)] == ["RUNNING"]
    ask(slurm, "bash", "-c", line)
    run(folder, sys.executable, "-m", "snakemake", "--unlock", *WEIGHTS)
    with begun(folder, slurm, WEIGHTS) as running:
        finish(running, folder, local)
    assert jobs(slurm, "train", folder)[0]["JobState"] == "CANCELLED"
    assert "goes on from step" in (folder / f"build/demo/logs/train-{FAMILY}.log").read_text()
    assert ask(slurm, *shlex.split("squeue --noheader")) == ""
