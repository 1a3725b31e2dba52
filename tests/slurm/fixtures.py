"""A Slurm, a checkout whose nodes take seconds, and runs of it: what all tests with Slurm share."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests import debian
from tests.checkouts import ENVIRONMENT, checkout, processes, snakemake
from tests.slurm import node

FAMILY = "cdncnn_b"
TARGETS = ("build/demo/results/kodak-cdncnn_b.csv", "build/demo/results/kodak-again.csv")
STEPS = 400  # seconds of work: enough to be interrupted after the first hundred
CLUSTER = """\
cpu: {partition: cpu, max_hours: 12, max_gb: 8}
gpu: {ask: gpu, partition: gpu, max_hours: 24, max_gb: 8}
factors: {memory: 0.25}
poll_seconds: 1
"""
OUTPUT = "output.txt"  # of Snakemake, in its checkout
SECONDS = 1200  # for a run that takes less than one minute on an idle machine


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which the commands of a running Slurm find it."""
    try:
        debian.provide(node.PROGRAMS, node.ASKED)
        with node.running() as environment:
            yield environment
    except (node.Impossible, debian.Missing) as reason:
        pytest.skip(f"no Slurm here to test with: {reason}")


@pytest.fixture(scope="module")
def local(slurm: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the targets were made without Slurm."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the Slurm executor is not installed")
    folder = checkout(tmp_path_factory.mktemp("local"))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    again = params["evaluations"]["kodak-cdncnn_b"] | {"method": "CDnCNN-B again"}
    params["evaluations"]["kodak-again"] = again
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    scale = folder / "workflow/scales/demo.yaml"
    scale.write_text(re.sub(r"(\ntraining:.*?steps: )\d+", rf"\g<1>{STEPS}", scale.read_text(), flags=re.DOTALL))
    (folder / "slurm").symlink_to("workflow/profiles/slurm")
    (folder / "slurm/cluster.yaml").write_text(CLUSTER)
    snakemake(folder, *TARGETS)
    return folder


def unmade(local: Path, folder: Path) -> Path:
    """A copy of a checkout in which the training and all that follows are still to be made."""
    shutil.copytree(local, folder, symlinks=True)
    for name in ("checkpoints", "weights", "results", "logs"):
        shutil.rmtree(folder / "build/demo" / name)
    return folder


@contextmanager
def begun(folder: Path, slurm: dict[str, str], targets: tuple[str, ...] = TARGETS) -> Iterator[subprocess.Popen]:
    """Snakemake under Slurm, which adds what it says to `OUTPUT`; ended with the block."""
    program = Path(sys.executable).with_name("snakemake")
    command = [program, "--cores", "all", "--profile", "slurm", *targets]
    environment = {**slurm, "PATH": f"{slurm['PATH']}:{ENVIRONMENT['PATH']}"}
    with (
        (folder / OUTPUT).open("a") as stream,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()


def process_of(stage: str, folder: Path) -> int:
    """Id of the Python process of a stage that works in a checkout."""
    found = processes(folder).items()
    return next(pid for pid, line in found if f"-m stages.{stage} " in line and "bash" not in line)


def ask(slurm: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=slurm, capture_output=True, text=True, check=True).stdout
