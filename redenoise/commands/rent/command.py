"""Train a group of networks on a machine that is lent for a limited time, and take home what came out.

`train` measures how fast the machine trains the group, chooses the steps that there is time for, trains, and packs
releases and a page about them into a folder, as files of a bounded size. Called again it goes on. It needs PyTorch,
numpy, pandas, pillow, PyYAML, safetensors, h5py and tqdm, and no engine. `take`, at home, puts what is better than what
is released into `weights/`. Groups: workflow/rented.yaml.
"""

import argparse
import time
from pathlib import Path

from redenoise.commands.parsing import parser
from redenoise.commands.rent.groups import read_group, together
from redenoise.commands.rent.pack import go_on_from, pack, take
from redenoise.commands.rent.training import train
from redenoise.dag.config import load_config
from redenoise.support.errors import Stopped, UserError

RESERVED = 0.1  # share of the time that is kept for packing
LIMIT = 15.0  # megabytes of a file


def run(group: str, minutes: float, output: Path, limit: float = LIMIT, checkpoints: bool = False) -> list[Path]:
    """Train a group within some minutes and pack what there is then; returns the files of the pack.

    Args:
        limit: megabytes of a file at most.
        checkpoints: whether to pack these, too.

    Raises:
        Stopped: something has not ended; the pack has it as far as it came.
        UserError: see `read_group`; data are missing; a network has diverged.
    """
    end = time.monotonic() + 60.0 * minutes * (1.0 - RESERVED)
    config, nodes = read_group(group)
    waiting, outcomes = together(config, nodes), []
    while waiting:
        left = max(0.0, end - time.monotonic())
        deadline = time.monotonic() + left / len(waiting)
        outcomes.append(train(config, waiting.pop(0), deadline))
        if outcomes[-1].stopped and time.monotonic() < deadline:
            break  # a signal asks for the end of all
    files = pack(config, group, outcomes, output, int(limit * 1e6), checkpoints)
    if stopped := [outcome.stopped for outcome in outcomes if outcome.stopped]:
        raise Stopped(f"{stopped[-1]}; packed as it stands in {output}")
    return files


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    given = _options().parse_args(arguments)
    if given.command == "take":
        print("\n".join(take(load_config(given.scale), given.folder)))
        return
    if given.go_on_from:
        go_on_from(given.go_on_from)
    for path in run(given.group, given.minutes, given.output, given.limit, given.checkpoints):
        print(path)


def _options() -> argparse.ArgumentParser:
    """`train` and `take` with their options."""
    root = parser("rent", __doc__, scale=False)
    commands = root.add_subparsers(dest="command", required=True)
    there = commands.add_parser("train", help="train a group and pack what came out")
    there.add_argument("group", help="an entry of workflow/rented.yaml")
    there.add_argument("--minutes", type=_positive, required=True, metavar="M", help="that this call may take")
    there.add_argument("--output", type=Path, default=Path("rented"), metavar="FOLDER", help="default: rented")
    text = f"megabytes of a file of the pack at most (default: {LIMIT:g})"
    there.add_argument("--limit", type=_positive, default=LIMIT, metavar="MB", help=text)
    text = "pack the checkpoints, too, so that another machine can go on"
    there.add_argument("--checkpoints", action="store_true", help=text)
    text = "a pack with checkpoints, of another machine, to go on from"
    there.add_argument("--from", dest="go_on_from", type=Path, metavar="FOLDER", help=text)
    home = commands.add_parser("take", help="put what a pack holds into weights/ where it is better")
    home.add_argument("folder", type=Path, help="with the files of the pack")
    home.add_argument("--scale", default="modern", help="whose test sets measure it (default: modern)")
    return root


def _positive(text: str) -> float:
    if not 0 < (value := float(text)) < float("inf"):
        raise UserError(f"found {text}, expected a number above 0; correct it")
    return value
