"""A stage ends with the engine that has started it."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

# The first is set by the rules: ids of Snakemake and of the rule's shell. The second, a stage's name, is set by DVC.
SNAKEMAKE, DVC = "REDENOISE_ENGINE", "DVC_STAGE"
LOOK_SECONDS = 1.0


def end_with_engine() -> None:
    """Where an engine has started this process, send SIGTERM to it once that engine has been killed.

    Without this a training would go on unseen and remove its checkpoints at its end, while the engine, started again,
    has another one wait for it only to begin from the start.
    """
    watched = [int(pid) for pid in os.environ.get(SNAKEMAKE, "").split()]
    if not watched and DVC in os.environ:
        watched = _dvc_and_its_shells()
    if watched:
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()


def _dvc_and_its_shells() -> list[int]:
    """Ids of this process's parents up to DVC: itself, and the shells between that did not give way to this process.

    A process that DVC has started knows the stage's name, DVC itself does not. Without /proc only the parent is found.
    """
    found = [os.getppid()]
    try:
        while f"\0{DVC}=".encode() in b"\0" + Path(f"/proc/{found[-1]}/environ").read_bytes():
            status = Path(f"/proc/{found[-1]}/status").read_text()
            found.append(int(status.partition("\nPPid:")[2].split()[0]))
    except OSError:  # it has ended, or is of another user
        pass
    return found


def _watch(watched: list[int]) -> None:
    while all(_alive(pid) for pid in watched):
        time.sleep(LOOK_SECONDS)
    print("what started this has been killed, so this ends too; start it again to go on", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        pass
    return True
