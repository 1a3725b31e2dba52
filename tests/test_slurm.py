"""The Slurm profile on a real Slurm of one machine: same bytes, GPUs for trainings, and what a signal does to one."""

import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from redenoise.commands.cluster.check import check_cluster
from tests.checkouts import processes
from tests.slurm import node
from tests.slurm.fixtures import CLUSTER, FAMILY, OUTPUT, SECONDS, STEPS, TARGETS, ask, begun, process_of, unmade


@dataclass
class Seen:
    """What Slurm and the machine showed of a run while it went on.

    Attributes:
        jobs: last `scontrol show job` of every job, by id, as a dict of its fields.
        queue: lines of `squeue` while the training ran: partition, state, GPUs, what it does.
        environment: of the first training's process.
        output: of Snakemake.
    """

    jobs: dict[str, dict[str, str]] = field(default_factory=dict)
    queue: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    output: str = ""

    def of(self, rule: str) -> list[dict[str, str]]:
        """The jobs of a rule, in the order of their ids."""
        return [self.jobs[key] for key in sorted(self.jobs, key=int) if f"rule_{rule}_" in self.jobs[key]["Comment"]]


@pytest.fixture(scope="module")
def finished(slurm: dict[str, str], local: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seen]:
    """A copy in which training and evaluation ran under Slurm; the training was signalled once, on its way."""
    folder = unmade(local, tmp_path_factory.mktemp("slurm") / "copy")
    with begun(folder, slurm) as running:
        seen = watch(folder, slurm, running)
    seen.output = (folder / OUTPUT).read_text()
    assert running.returncode == 0, seen.output
    return folder, seen


def watch(folder: Path, slurm: dict[str, str], running: subprocess.Popen) -> Seen:
    """Look on until the run ends; signal the training, as Slurm does before the end of its run time."""
    seen, log = Seen(), folder / f"build/demo/logs/train-{FAMILY}.log"
    until = time.monotonic() + SECONDS
    while running.poll() is None and time.monotonic() < until:
        for line in ask(slurm, "scontrol", "show", "job", "--oneliner").splitlines():
            found = dict(re.findall(r"(\w+)=(\S*)", line))
            if "JobId" in found:
                seen.jobs[found["JobId"]] = found
        if not seen.environment and log.exists() and "step 100" in log.read_text():
            job = seen.of("train")[0]["JobId"]
            seen.environment = environment_of(process_of("train", folder))
            seen.queue = ask(slurm, "squeue", "--noheader", "--Format=Partition,StateCompact,tres-per-job,Comment:60")
            ask(slurm, "scancel", "--signal=TERM", job)
        time.sleep(0.2)
    return seen


def environment_of(process: int) -> dict[str, str]:
    """Environment of a process."""
    pairs = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_same_bytes_as_without_slurm(local: Path, finished: tuple[Path, Seen]):
    folder, _ = finished
    names = [
        *TARGETS,
        *(str(path.relative_to(local)) for path in local.glob(f"build/demo/weights/{FAMILY}/*.safetensors")),
    ]
    assert len(names) == 3
    for name in names:
        assert (folder / name).read_bytes() == (local / name).read_bytes(), name


def test_training_gets_a_gpu_on_the_partition_that_has_some(finished: tuple[Path, Seen]):
    _, seen = finished
    assert {job["Partition"] for job in seen.of("train")} == {"gpu"}
    assert all(re.fullmatch(r"(gres:)?gpu:1", job["TresPerJob"]) for job in seen.of("train"))
    assert re.fullmatch(r"gpu +R +(gres:)?gpu:1 +rule_train_train *\n", seen.queue)
    assert seen.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert {job["Partition"] for job in seen.of("evaluate")} == {"cpu"}
    assert not any("gpu" in job.get("TresPerJob", "") for job in seen.of("evaluate"))


def test_signalled_training_is_submitted_again_and_goes_on(finished: tuple[Path, Seen]):
    folder, seen = finished
    first, second = seen.of("train")
    assert (first["JobState"], second["JobState"]) == ("FAILED", "COMPLETED")
    log = (folder / f"build/demo/logs/train-{FAMILY}.log").read_text()
    step = int(re.search(rf"{FAMILY} model: goes on from step (\d+)", log)[1])
    assert 100 <= step < STEPS
    assert "Trying to restart job" in seen.output


def test_second_attempt_asks_for_twice_as_much(finished: tuple[Path, Seen]):
    first, second = finished[1].of("train")
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("1000M", "2000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:30:00", "01:00:00")


def test_tiny_jobs_share_one_slurm_job(finished: tuple[Path, Seen]):
    _, seen = finished
    assert len(seen.of("evaluate")) == 1
    assert len(seen.jobs) == 3
    assert seen.output.count("has been submitted with SLURM jobid") == 3


def test_nothing_is_left(slurm: dict[str, str], finished: tuple[Path, Seen]):
    folder, _ = finished
    assert ask(slurm, "squeue", "--noheader") == ""
    assert processes(folder) == {}
    assert all(path.match("*.finished.safetensors") for path in (folder / "build/demo/checkpoints").glob("*/*"))


@pytest.mark.parametrize("spelling", ["gpu", "gres"])
def test_slurm_takes_either_spelling_of_gpus(
    slurm: dict[str, str], project: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
):
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, slurm[name])
    own = project / "cluster.yaml"
    own.write_text(CLUSTER.replace("ask: gpu", f"ask: {spelling}"))
    assert check_cluster(own, "demo") == []
    own.write_text(CLUSTER.replace("partition: gpu", "partition: cpu").replace("ask: gpu", f"ask: {spelling}"))
    assert any("'cpu' has no GPUs" in problem for problem in check_cluster(own, "demo"))


def test_node_says_why_it_cannot_be_started(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(node.Impossible, match="^not root"), node.running():
        pass
