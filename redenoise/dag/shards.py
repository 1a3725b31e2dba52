"""Shards: one node's work cut into shares for several processes, which run at the same time or one after another.

What a shard makes is kept where the run of the whole node finds it: denoised images under `paths.items`, parts of a
recognition under `paths.parts`. The shard writes no result, only a marker that says what it has done. The run of the
whole node then makes what is missing and gathers, to the same bytes for any number of shards.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redenoise.dag import graph, paths, provenance
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, write_json

Shard = tuple[int, int]  # (i, n) for the i-th of n shares, counted from 1
T = TypeVar("T")


@dataclass
class Work:
    """What one process does of a node.

    Attributes:
        shard: its share; None for all of it.
        record: takes what the stage has to say: the provenance of the node, or the marker of the shard.
        total: how many items there were to do: images or parts.
        made: how many of them it has made; the others were found made already.
    """

    shard: Shard | None
    record: dict[str, Any] = field(default_factory=dict)
    total: int = 0
    made: int = 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Those of `items` that this process is to do: every n-th, so that shares of unequal items are alike."""
        chosen = items if self.shard is None else items[self.shard[0] - 1 :: self.shard[1]]
        self.total += len(chosen)
        return chosen

    def counted(self, make: Callable[[], T]) -> Callable[[], T]:
        """`make`, counted once it has ended, also where an image can have no value."""

        def counting() -> T:
            try:
                return make()
            finally:
                self.made += 1

        return counting

    def label(self, name: str) -> str:
        """What progress is reported as."""
        return name if self.shard is None else f"{name} shard {self.shard[0]}/{self.shard[1]}"


@contextmanager
def working(config: Config, stage: str, key: str, shard: Shard | None) -> Iterator[Work]:
    """Do a node's work, or a share of it, inside this block, and say at its end what was done.

    A shard writes none of the node's outputs.
    """
    node = graph.node(config, stage, key)
    if shard is None:
        with provenance.recorded(config, stage, key) as record:
            work = Work(None, record)
            yield work
            if work.made < work.total:
                shared = _taken_up(config.scale, stage, key)
                record |= {"shards": shared} if shared else {"found": work.total - work.made}
        _say(work, node.title, f"results in {node.outputs[0]}")
        return
    provenance.require(config, node.inputs)
    work, start, used = Work(shard), time.monotonic(), time.process_time()
    yield work
    seconds, cpu_seconds = round(time.monotonic() - start, 2), round(time.process_time() - used, 2)
    facts = {"stage": stage, "key": key, "shard": list(shard), "made": work.made, "found": work.total - work.made}
    facts |= {"seconds": seconds, "cpu_seconds": cpu_seconds, **work.record}
    write_json(paths.shard(config.scale, stage, key, *shard), facts)
    after = f"after all {shard[1]} shards `{node.command}` gathers them into {node.outputs[0]}"
    _say(work, f"{node.title} shard {shard[0]}/{shard[1]}", after)


def parsed(text: str) -> Shard:
    """A shard from `I/N`; raises `UserError` if it is none."""
    parts = text.split("/")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        number, count = map(int, parts)
        if 1 <= number <= count:
            return number, count
    raise UserError(f"--shard is {text!r}; expected I/N with 1 <= I <= N, such as 3/20")


def _taken_up(scale: str, stage: str, key: str) -> dict[str, Any]:
    """What the shards of a node have cost together, by the markers that are there; empty if there are none."""
    sums: dict[str, Any] = {}
    for path in sorted(paths.shard(scale, stage, key, 1, 1).parent.glob("*.json")):
        try:
            marker = read_json(path)
            costs = {"jobs": 1, "seconds": float(marker["seconds"]), "cpu_seconds": float(marker["cpu_seconds"])}
        except (UserError, LookupError, TypeError, ValueError):
            continue  # damaged: it would only have told what a shard has cost
        sums = {name: round(sums.get(name, 0) + value, 2) for name, value in costs.items()}
    return sums


def _say(work: Work, name: str, then: str) -> None:
    levels = work.record.get("unavailable_levels", {})
    without = "; ".join(f"{condition} left out: {reason}" for condition, reason in levels.items())
    if reason := work.record.get("unavailable") or (without if not work.total else ""):
        text = f"nothing to make: {reason}"
    else:
        text = f"made {work.made} of {work.total}, found {work.total - work.made} made already"
        text = "; ".join(filter(None, (text, without)))
    print(f"{name}: {text}; {then}", file=sys.stderr, flush=True)
