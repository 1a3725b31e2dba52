"""A stage ends with the engine that has started it."""

import os
import signal
import sys
import threading
import time

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
        watched = [os.getppid()]
    if watched:
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()


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
