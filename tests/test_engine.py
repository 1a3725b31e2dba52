"""A stage ends with the Snakemake or DVC that has started it, and without one of them goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

WORK = """
import time
from redenoise.support.errors import run_cli
print("at work", flush=True)
run_cli(lambda: time.sleep(60))
"""
# As in workflow/rules/common.smk; the shell waits for what it has started, and prints its id.
RULE = 'trap : TERM; export REDENOISE_ENGINE="$PPID $$"; "$0" -c "$1" & echo $!; wait'
ENGINE = "import subprocess, sys\nsubprocess.run(['bash', '-c', *sys.argv[1:]])"


@pytest.fixture
def started() -> Iterator[tuple[subprocess.Popen, int, int]]:
    """What stands for Snakemake, and the ids of its shell and of the stage, which is at work."""
    command = [sys.executable, "-c", ENGINE, RULE, sys.executable, WORK]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as engine:
        stage = int(engine.stdout.readline())
        assert engine.stdout.readline() == "at work\n"
        shell = int(Path(f"/proc/{stage}/stat").read_text().rpartition(")")[2].split()[1])
        try:
            yield engine, shell, stage
        finally:
            for pid in (stage, shell, engine.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


@pytest.mark.parametrize("victim", ["Snakemake", "shell"])
def test_a_stage_ends_with_what_has_started_it(started: tuple[subprocess.Popen, int, int], victim: str):
    engine, shell, _ = started
    time.sleep(1.5)
    os.kill({"Snakemake": engine.pid, "shell": shell}[victim], signal.SIGKILL)
    if victim == "Snakemake":
        engine.wait()
    # To the end of what the stage writes, which is its own end.
    assert "what started this has been killed" in engine.stdout.read()


def test_a_stage_outlives_the_shell_of_a_person(tmp_path):
    line = f'"$0" -c "$1" > {tmp_path}/log 2>&1 & echo $!'
    environment = {name: value for name, value in os.environ.items() if name not in ("REDENOISE_ENGINE", "DVC_STAGE")}
    command = ["bash", "-c", line, sys.executable, WORK]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    time.sleep(3)
    os.kill(int(done.stdout), signal.SIGKILL)  # an error, were it gone
    assert "killed" not in (tmp_path / "log").read_text()
