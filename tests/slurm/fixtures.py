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
from tests.checkouts import ENVIRONMENT, copied, processes, snakemake
from tests.slurm import node

FAMILY = "cdncnn_b"
TARGETS = ("build/demo/results/kodak-cdncnn_b.csv", "build/demo/results/kodak-again.csv")
STEPS = 8
# A training in a checkout waits after every step of which there is a file `hold-<step>`, and says so in `held-<step>`:
# what is done to it then finds it there, on an idle machine and on a busy one.
RUN = "redenoise/training/run.py"
WATCH = "            self._watch(members, now + 1)\n"
HOLD = """\
            while not stop and Path(f"hold-{now + 1}").exists():
                Path(f"held-{now + 1}").touch()
                time.sleep(0.02)
"""
CLUSTER = """\
cpu: {partition: cpu, max_hours: 12, max_gb: 8}
gpu: {ask: gpu, partition: gpu, max_hours: 24, max_gb: 8}
factors: {memory: 0.25}
poll_seconds: 1
"""
# Snakemake would look ever more rarely at jobs that take long. Every look is noted in a file.
LOOKS = "looks.txt"
ASKING = "  - keep_asking()            # also while Slurm's controller is away\n"
STEADILY = "  - import steady\n"
STEADY = f"""\
from snakemake_executor_plugin_slurm import Executor

check = Executor.check_active_jobs


async def noted(self, jobs):
    async for job in check(self, jobs):
        yield job
    with open("{LOOKS}", "a") as stream:
        stream.write(".")


Executor.check_active_jobs = noted
Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
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
def local(slurm: dict[str, str], finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the targets were made without Slurm."""
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the Slurm executor is not installed")
    folder = copied(finished_checkout, tmp_path_factory.mktemp("local") / "checkout")
    params = yaml.safe_load((folder / "params.yaml").read_text())
    again = params["evaluations"]["kodak-cdncnn_b"] | {"method": "CDnCNN-B again"}
    params["evaluations"]["kodak-again"] = again
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    scale = folder / "workflow/scales/demo.yaml"
    scale.write_text(re.sub(r"(\ntraining:.*?steps: )\d+", rf"\g<1>{STEPS}", scale.read_text(), flags=re.DOTALL))
    (folder / "slurm").symlink_to("workflow/profiles/slurm")
    (folder / "slurm/cluster.yaml").write_text(CLUSTER)
    (folder / "steady.py").write_text(STEADY)
    for path, line, more in ((folder / "slurm/profile.yaml", ASKING, STEADILY), (folder / RUN, WATCH, HOLD)):
        assert path.read_text().count(line) == 1
        path.write_text(path.read_text().replace(line, line + more))
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
