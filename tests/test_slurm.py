"""The Slurm profile on a real Slurm of one machine: same bytes, GPUs for trainings, and what clusters do to runs."""

import os
import re
from pathlib import Path

import pytest

from redenoise.commands.cluster.check import check_cluster
from tests.checkouts import processes
from tests.slurm import node
from tests.slurm.course import CANCELLED, KILLED, LOST, SIGNALLED, TIMED_OUT, Course
from tests.slurm.fixtures import CLUSTER, FAMILY, TARGETS, ask, unmade


@pytest.fixture(scope="module")
def course(slurm: dict[str, str], local: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy in which training and evaluation ran under Slurm; much happened to the training on its way."""
    found = Course(unmade(local, tmp_path_factory.mktemp("slurm") / "copy"), slurm)
    found.take()
    return found


def goes_on(course: Course, held: int) -> int:
    """The step from which a training that waited after a step had gone on."""
    return int(re.search(rf"{FAMILY} model: goes on from step (\d+)", course.logs[held])[1])


def test_same_bytes_as_without_slurm(local: Path, course: Course):
    weights = f"build/demo/weights/{FAMILY}"
    made = sorted(path.name for path in (course.folder / weights).iterdir())
    assert made == sorted(path.name for path in (local / weights).iterdir())
    assert [name for name in made if name.endswith(".safetensors")] == ["model.safetensors"]
    for name in (*TARGETS, *(f"{weights}/{name}" for name in made)):
        assert (course.folder / name).read_bytes() == (local / name).read_bytes(), name


def test_training_gets_a_gpu_on_the_partition_that_has_some(course: Course):
    assert {job["Partition"] for job in course.ended} == {"gpu"}
    assert all(re.fullmatch(r"(gres:)?gpu:1", job["TresPerJob"]) for job in course.ended)
    assert re.fullmatch(r"gpu +R +(gres:)?gpu:1 +rule_train_train *\n", course.queue)
    assert course.environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert {job["Partition"] for job in course.measured} == {"cpu"}
    assert not any("gpu" in job.get("TresPerJob", "") for job in course.measured)


def test_every_job_of_the_training_but_the_last_ended_as_it_was_made_to(course: Course):
    states = [job["JobState"] for job in course.ended]
    assert states[:4] == ["CANCELLED", "FAILED", "CANCELLED", "FAILED"]
    assert {*states[4:-1]} <= {"FAILED", "NODE_FAIL"}  # on the lost node, where it was not queued again
    assert states[-1] == "COMPLETED"


def test_jobs_wait_for_drained_nodes(course: Course):
    assert (course.waiting["JobState"], course.waiting["RunTime"]) == ("PENDING", "00:00:00")
    assert course.waiting["JobId"] == course.ended[0]["JobId"]


def test_killed_snakemake_goes_on_after_the_line_of_the_documentation(course: Course):
    assert course.left == ["RUNNING"]
    assert course.ended[0]["JobState"] == "CANCELLED"
    assert goes_on(course, SIGNALLED) == KILLED


def test_signalled_training_is_submitted_again_and_goes_on(course: Course):
    assert goes_on(course, CANCELLED) == SIGNALLED
    assert "Trying to restart job" in course.output


def test_second_attempt_asks_for_twice_as_much(course: Course):
    first, second = course.ended[1:3]
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("1000M", "2000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("00:30:00", "01:00:00")


def test_cancelled_job_is_submitted_again(course: Course):
    assert goes_on(course, TIMED_OUT) == CANCELLED


def test_a_job_at_the_end_of_its_time_writes_a_checkpoint_and_goes_on_in_another(course: Course):
    assert course.ended[3]["ExitCode"] == "1:0"
    assert "stopped by signal 15" in course.output
    assert goes_on(course, LOST) == TIMED_OUT


def test_training_outlives_its_node(course: Course):
    assert course.ended[4]["Restarts"] == "1" or len(course.ended) == 6  # by Slurm or by Snakemake


def test_a_run_outlives_the_controller(course: Course):
    assert course.outlived


def test_tiny_jobs_share_one_slurm_job(course: Course):
    assert len(course.measured) == 1
    assert course.count == len(course.ended) + 1
    assert course.output.count("has been submitted with SLURM jobid") == course.count


def test_nothing_is_left(slurm: dict[str, str], course: Course):
    assert ask(slurm, "squeue", "--noheader") == ""
    assert processes(course.folder) == {}
    left = (course.folder / "build/demo/checkpoints").glob("*/*")
    assert all(path.match("*.finished.safetensors") for path in left)


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
