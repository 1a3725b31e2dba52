"""Time, processor time and memory of a command with all that it starts, within a limit.

The limit is one of processor time, so that a busy machine does not change what ends and what does not.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stages.common.errors import UserError

LIMIT_CODES = (-signal.SIGXCPU, -signal.SIGKILL)  # of a process that has reached its limit
TAIL = 2000  # characters of a failed command's output that are shown
POLL = 0.01  # seconds
PATIENCE = 60  # times the limit of processor time: how long a command may take by the clock


@dataclass(frozen=True)
class Usage:
    """What one command took.

    Attributes:
        wall, cpu: seconds; `cpu` is user and system time of all its processes together.
        memory_mb: of its largest process, in 1e6 bytes.
        ended: whether it ended before its limit; if not, the figures are those up to there.
    """

    wall: float
    cpu: float
    memory_mb: float
    ended: bool


def run(command: list[str], folder: Path, limit: float, environment: dict[str, str] | None = None) -> Usage:
    """Run a command in a folder and measure it; at its limit it is ended with all that it has started.

    Args:
        limit: seconds of processor time that each of its processes may use.

    Raises:
        UserError: it ended with another code than 0 within its limit.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit))),
        )
        status, used = _wait(process.pid, start + PATIENCE * limit)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            _end(process.pid)  # what it has started and left behind
        wall = time.perf_counter() - start
        if process.returncode not in (0, *LIMIT_CODES):
            output.seek(0)
            text = output.read()[-TAIL:]
            raise UserError(f"{' '.join(command)}: ended with code {process.returncode}; its output ends: {text}")
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Usage(wall, used.ru_utime + used.ru_stime, memory, process.returncode == 0)


def _wait(pid: int, deadline: float) -> tuple[int, resource.struct_rusage]:
    """Exit status and usage of the leader of a process group, which is ended at the deadline or by an interrupt."""
    try:
        while time.perf_counter() < deadline:
            found, status, used = os.wait4(pid, os.WNOHANG)
            if found:
                return status, used
            time.sleep(POLL)
    except BaseException:
        _end(pid)
        raise
    _end(pid)
    _, status, used = os.wait4(pid, 0)
    return status, used


def _end(group: int) -> None:
    """End every process of a group that is still there."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
