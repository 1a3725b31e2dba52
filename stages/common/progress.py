"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_SECONDS = 15.0


def progress(items: Iterable[T], total: int, what: str, unit: str = "image") -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done, the rate and the time left.

    A terminal gets a bar; a file or pipe gets one line every `LOG_SECONDS` seconds and one at the end.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=unit, dynamic_ncols=True)
        return
    start = shown = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= LOG_SECONDS or done == total:
            shown = now
            rate = done / max(now - start, 1e-9)
            left = (total - done) / rate
            print(f"{what}: {done}/{total}, {rate:.2f} {unit}s/s, {left:.0f} s left", file=sys.stderr, flush=True)
