"""Many disturbed runs against one that nothing disturbed."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redenoise.support.files import sha256_path, write_json
from redenoise.support.locks import sweep
from tests.chaos.disturbed import Disturber, Run
from tests.chaos.grid import checkout
from tests.chaos.leavings import clean, difference, leavings
from tests.conftest import ROOT

NAME = "reference.json"
TRICKY = 10  # in every tenth run disk and clock play tricks, too


@dataclass
class Campaign:
    """Disturbed runs of one checkout, numbered.

    Attributes:
        seed: with a run's number, all that decides what is killed and when.
        kills: of each run.
        work: folder for the checkout.
        reference: folder that keeps the undisturbed run between two calls, and the checkout of every run that differed
            as `failed-<seed>.<number>`.
        targets: what Snakemake is asked for; nothing for all.
    """

    seed: int
    kills: int
    work: Path
    reference: Path
    targets: tuple[str, ...] = ()

    def runs(self, first: int, count: int) -> Iterator[tuple[int, Run]]:
        """Disturb `count` runs, the first of which has the number `first`."""
        known = self._known()
        for number in range(first, first + count):
            folder = self._checkout()
            draws = random.Random(f"{self.seed} {number}")
            grid = (folder, self.targets, known["nodes"], known["seconds"])
            run = Disturber(*grid, draws, tricky=number % TRICKY == TRICKY - 1).run(self.kills)
            if self.targets:
                sweep(folder / "build/demo")  # as the report does, where it is among the targets
            run.problem = run.problem or difference(known["files"], leavings(folder))
            if run.problem:
                kept = self.reference / f"failed-{self.seed}.{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.move(folder, kept)
            yield number, run

    def _checkout(self) -> Path:
        folder = self.work / "checkout"
        if not folder.exists():
            checkout(folder)
        clean(folder)
        return folder

    def _known(self) -> dict:
        """Seconds, number of nodes, and files of the undisturbed run; made where there is none of these sources."""
        path = self.reference / NAME
        folders = ("redenoise", "stages", "workflow", "published", "tests/chaos")
        sources = {name: sha256_path(ROOT / name) for name in folders}
        wanted = {"sources": sources, "targets": list(self.targets)}
        if path.exists():
            known = json.loads(path.read_text())
            if all(known[name] == value for name, value in wanted.items()):
                return known
        folder = self._checkout()
        seconds = Disturber(folder, self.targets, 1, 600.0, random.Random(0)).undisturbed()
        nodes = len(list((folder / "build/demo/provenance").glob("*.json")))
        known = {**wanted, "seconds": seconds, "nodes": nodes, "files": leavings(folder)}
        write_json(path, known)
        return known
