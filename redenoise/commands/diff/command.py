"""What moved in the reports since a git revision, and why.

Prints Markdown. A side is a git revision or a folder with another checkout; the second one is by default the working
tree. Causes come from `records.json` of both sides.
"""

import argparse
import sys
from pathlib import Path

from redenoise.commands.diff import layout, sides
from redenoise.commands.diff.causes import Ancestry
from redenoise.commands.diff.sides import Move, Reader, moves
from redenoise.commands.parsing import parser
from redenoise.dag.config import SCALES, load_config
from redenoise.support.errors import Unreadable, UserError, choices
from redenoise.support.files import write_text

WORKING_TREE = "."


def main(arguments: list[str] | None = None) -> None:
    """Command line; exits with 1 if `--fail-on-regression` is given and a reproduced cell has gone off.

    Raises:
        Unreadable: a side cannot be read, or has no reports: there is no verdict then.
    """
    parsed = _parser().parse_args(arguments)
    try:
        old, new = sides.reader(parsed.base), sides.reader(parsed.head)
        scales = _scales(parsed.scale, {parsed.base: old, parsed.head: new})
        found = {scale: between(parsed.base, old, parsed.head, new, scale) for scale in scales}
    except UserError as error:
        raise Unreadable(f"cannot compare: {error}") from None
    head = "the working tree" if parsed.head == WORKING_TREE else f"`{parsed.head}`"
    title = f"# What moved between `{parsed.base}` and {head}"
    text = "\n".join([f"{title}\n", *(layout.render(scale, moved, parsed.all) for scale, moved in found.items())])
    if parsed.output:
        write_text(parsed.output, text)
    print(text, end="")
    regressions = [move for moved in found.values() for move in moved if move.regression]
    if parsed.fail_on_regression and regressions:
        first = " ".join(filter(None, regressions[0].key))
        print(f"{len(regressions)} reproduced cells have gone off; the first: {first}", file=sys.stderr)
        sys.exit(1)


def between(base: str, old: Reader, head: str, new: Reader, scale: str) -> list[Move]:
    """Every cell of one scale that moved between two sides."""
    before, after = sides.load(base, old, scale), sides.load(head, new, scale)
    return list(moves(before, after, Ancestry(load_config(scale), before.records or {}, after.records or {})))


def _scales(chosen: str | None, readers: dict[str, Reader]) -> list[str]:
    """The scales that any side has reports of; raises `UserError` if a side has none."""
    known = sorted(path.stem for path in SCALES.glob("*.yaml"))
    if chosen and chosen not in known:
        raise UserError(f"--scale {chosen!r} is not known; {choices(chosen, known)}")
    found: set[str] = set()
    for name, read in readers.items():
        there = sides.scales(read, [chosen] if chosen else known)
        if not there:
            raise UserError(
                f"{name}: reports/{chosen or ''}: no reports to compare; run `python -m stages.report` first"
            )
        found.update(there)
    return sorted(found)


def _parser() -> argparse.ArgumentParser:
    options = parser("diff", __doc__, scale=False)
    options.add_argument("base", help="git revision, or folder with another checkout")
    options.add_argument("head", nargs="?", default=WORKING_TREE, help="the same (default: the working tree)")
    options.add_argument("--scale", help="one scale (default: all that have reports)")
    options.add_argument("--all", action="store_true", help="leave no cell out, also those that moved very little")
    text = f"exit with 1 if a reproduced cell has gone off; with {Unreadable.code} if a side cannot be read"
    options.add_argument("--fail-on-regression", action="store_true", help=text)
    options.add_argument("--output", type=Path, metavar="FILE", help="write the Markdown to a file too")
    return options
