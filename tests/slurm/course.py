"""Runs under Slurm to which everything happens that happens on clusters, one thing after the other.

A first Snakemake finds all nodes drained, and is killed while its training runs. A second one goes on: its training is
signalled as before the end of its time, cancelled, brought to the end of its time, loses its node, and ends while the
controller is away.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.checkouts import run
from tests.conftest import ROOT
from tests.slurm import node
from tests.slurm.fixtures import FAMILY, LOOKS, OUTPUT, SECONDS, TARGETS, ask, begun, process_of

LOG = f"build/demo/logs/train-{FAMILY}.log"
WEIGHTS = f"build/demo/weights/{FAMILY}/model.safetensors"
KILLED, SIGNALLED, CANCELLED, TIMED_OUT, LOST = holds = range(1, 6)  # steps after which a training waits


@dataclass
class Course:
    """The runs in one checkout, and what Slurm and the machine showed of them.

    Attributes:
        waiting: fields of the training's job while all nodes were drained.
        left: states of the trainings' jobs after the first Snakemake was killed.
        logs: of the training while it waited after a step, by that step.
        queue: line of `squeue` while the training ran: partition, state, GPUs, what it does.
        environment: of a training's process.
        outlived: the second Snakemake went on without a controller.
        ended: fields of `scontrol show job` of every job of the training at the end, in the order of their ids.
        measured: the same of the evaluations.
        count: of all jobs.
        output: of both.
    """

    folder: Path
    slurm: dict[str, str]
    waiting: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    logs: dict[int, str] = field(default_factory=dict)
    queue: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    outlived: bool = False
    ended: list[dict[str, str]] = field(default_factory=list)
    measured: list[dict[str, str]] = field(default_factory=list)
    count: int = 0
    output: str = ""

    def take(self) -> None:
        """Let it all happen."""
        for step in holds:
            self._hold(step).touch()
        for name in node.NODES:
            self._update(f"NodeName={name}", "State=DRAIN", "Reason=test")
        with begun(self.folder, self.slurm) as running:
            self._wait_for_drained_nodes(running)
            self._held(KILLED, running)
            running.kill()
            running.wait()
        self._take_up()
        with begun(self.folder, self.slurm) as running:
            self._signalled(running)
            self._cancelled(running)
            self._at_the_end_of_its_time(running)
            self._without_its_node(running)
            self._without_a_controller(running)
            status = running.wait(SECONDS)
        self.output = (self.folder / OUTPUT).read_text()
        assert status == 0, self.output
        self.ended, self.measured, self.count = self.jobs("train"), self.jobs("evaluate"), len(self.jobs(""))

    def jobs(self, rule: str) -> list[dict[str, str]]:
        """Fields of what `scontrol` shows of the jobs of a rule, also of ended ones, in their order."""
        lines = ask(self.slurm, "scontrol", "show", "job", "--oneliner").splitlines()
        found = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines if f"rule_{rule}" in line]
        return sorted((job for job in found if job["WorkDir"] == str(self.folder)), key=lambda job: int(job["JobId"]))

    def _wait_for_drained_nodes(self, running: subprocess.Popen) -> None:
        # Slurm tells why a job is pending once it has tried to start it.
        self._wait(lambda: any("DRAINED" in job["Reason"] for job in self.jobs("train")), running)
        self.waiting = self.jobs("train")[-1]
        for name in node.NODES:
            self._update(f"NodeName={name}", "State=RESUME")

    def _take_up(self) -> None:
        """Do what the documentation says about a Snakemake that was killed."""
        self.left = [job["JobState"] for job in self.jobs("train")]
        page = (ROOT / "docs/cluster.md").read_text()
        ask(self.slurm, "bash", "-c", re.search(r"^    (squeue --me .*redenoise_.*scancel)$", page, re.MULTILINE)[1])
        run(self.folder, sys.executable, "-m", "snakemake", "--unlock", *TARGETS)

    def _signalled(self, running: subprocess.Popen) -> None:
        """As Slurm does before the end of a job's run time."""
        self._held(SIGNALLED, running)
        pairs = Path(f"/proc/{process_of('train', self.folder)}/environ").read_bytes().decode().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        form = "Partition,StateCompact,tres-per-job,Comment:60"
        self.queue = ask(self.slurm, "squeue", "--noheader", "--states=R", f"--Format={form}")
        ask(self.slurm, "scancel", "--signal=TERM", self.jobs("train")[-1]["JobId"])

    def _cancelled(self, running: subprocess.Popen) -> None:
        self._held(CANCELLED, running)
        ask(self.slurm, "scancel", self.jobs("train")[-1]["JobId"])

    def _at_the_end_of_its_time(self, running: subprocess.Popen) -> None:
        self._held(TIMED_OUT, running)
        # As if it had steps for longer than its time. What Slurm sends wakes it.
        os.kill(process_of("train", self.folder), signal.SIGSTOP)
        self._update(f"JobId={self.jobs('train')[-1]['JobId']}", "TimeLimit=1")

    def _without_its_node(self, running: subprocess.Popen) -> None:
        self._held(LOST, running)
        job = self.jobs("train")[-1]["JobId"]
        node.lose(self.slurm, "gpus")
        (self.folder / f"held-{LOST}").unlink()
        # Slurm would come to this by itself after SlurmdTimeout, minutes later.
        self._update("NodeName=gpus", "State=DOWN", "Reason=test")
        self._wait(lambda: self.jobs("train")[-1]["JobState"] != "RUNNING", running)
        node.restart(self.slurm, "gpus")
        # Slurm would keep what it has queued again for minutes.
        changes = (["NodeName=gpus", "State=RESUME"], [f"JobId={job}", "StartTime=now"])

        def back() -> bool:
            for what in changes:  # an error as long as the node is not there, and where Slurm has done so itself
                subprocess.run(["scontrol", "update", *what], env=self.slurm, capture_output=True, check=False)
            return (self.folder / f"held-{LOST}").exists()

        self._wait(back, running)

    def _without_a_controller(self, running: subprocess.Popen) -> None:
        """Snakemake asks after its jobs meanwhile, and the training ends."""
        self._held(LOST, running)
        node.lose_controller(self.slurm)
        before = self._looks()
        self._hold(LOST).unlink()
        self._wait(lambda: (self.folder / WEIGHTS).exists() and self._looks() > before + 2, running)
        self.outlived = running.poll() is None
        node.restart_controller(self.slurm)

    def _looks(self) -> int:
        return (self.folder / LOOKS).stat().st_size

    def _hold(self, step: int) -> Path:
        return self.folder / f"hold-{step}"

    def _held(self, step: int, running: subprocess.Popen) -> None:
        """Wait until the training waits after a step."""
        self._wait((self.folder / f"held-{step}").exists, running)
        self.logs[step] = (self.folder / LOG).read_text()

    def _update(self, *what: str) -> None:
        ask(self.slurm, "scontrol", "update", *what)

    def _wait(self, ready: Callable[[], object], running: subprocess.Popen) -> None:
        """Wait for something to happen while Snakemake goes on."""
        until = time.monotonic() + SECONDS
        while not ready():
            assert running.poll() is None, (self.folder / OUTPUT).read_text()
            assert time.monotonic() < until, (self.folder / OUTPUT).read_text()
            time.sleep(0.1)
