"""What a disk and a clock do to a run: a bit of a kept file flips, and for a while a folder is of tomorrow."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.leavings import MARK

DAY = 86400.0


def flip(folder: Path, draws: random.Random) -> str:
    """Turn over one bit of a kept image or part, and have its node gather again; what was done, empty if none is kept.

    Without its results the node takes up what it has kept: a finished one would not look at it.
    """
    build = folder / "build/demo"
    kept = sorted([*build.glob("items/*/*/*.png"), *build.glob("parts/*/*.npz")])
    if not kept:
        return ""
    path = draws.choice(kept)
    data = bytearray(path.read_bytes())
    bit = draws.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    name = path.relative_to(build)
    (build / "results" / f"{name.parts[1]}.csv").unlink(missing_ok=True)
    return f"bit {bit} of {name} flipped"


@contextmanager
def clock_ahead(folder: Path, draws: random.Random) -> Iterator[str]:
    """Inside the block one of the folders that Snakemake has seen made is of tomorrow; yields what was done, or ''."""
    marks = sorted((folder / "build/demo").glob(f"*/*/{MARK}"))
    if not marks:
        yield ""
        return
    mark, tomorrow = draws.choice(marks), time.time() + DAY
    os.utime(mark, (tomorrow, tomorrow))
    yield f"clock ahead at {mark.parent.relative_to(folder / 'build/demo')}"
    if mark.exists():
        os.utime(mark)
