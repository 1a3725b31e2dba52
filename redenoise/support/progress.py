"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_SECONDS = 15.0


def progress(
    items: Iterable[T],
    total: int,
    what: str,
    unit: str = "image",
    done: int = 0,
    status: Callable[[], str] = lambda: "",
) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done, the rate and the time left.

    A terminal gets a bar; a file or pipe gets one line every `LOG_SECONDS` seconds and one at the end.

    Args:
        done: how many were done before the first of `items`, by an earlier run.
        status: what to say besides, asked for whenever a line is shown.
    """
    if sys.stderr.isatty():
        bar = tqdm(items, total=total, desc=what, unit=unit, dynamic_ncols=True, initial=done)
        for item in bar:
            yield item
            bar.set_postfix_str(status(), refresh=False)
        return
    start = shown = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= LOG_SECONDS or done + count == total:
            shown = now
            rate = count / max(now - start, 1e-9)
            left = (total - done - count) / rate
            line = f"{what}: {done + count}/{total}, {rate:.2f} {unit}s/s, {left:.0f} s left"
            print(", ".join(filter(None, (line, status()))), file=sys.stderr, flush=True)
