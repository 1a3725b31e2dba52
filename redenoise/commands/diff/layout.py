"""The moves between two sides as Markdown, for a comment on a pull request."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from redenoise.commands.diff.causes import KINDS, Cause
from redenoise.commands.diff.sides import Move
from redenoise.document import markdown
from redenoise.document.model import Value, table
from redenoise.support.numbers import fixed
from stages.report.rows import DECIMALS, NOT_RUN, signed
from stages.report.shown import SHOWN_DECIMALS

TITLES = {
    "parameter": "Because of parameters",
    "code": "Because of code",
    "data": "Because of data",
    "weights": "Because of released weights",
    "environment": "Because of the environment",
    "run again": "With all that is recorded unchanged",
    "unknown": "For a reason that no record holds",
}
NO_CELL = "no such cell"
SHOWN = 40  # lines of a group's table, averages first; a comment on GitHub holds 65,536 characters
SPREAD_TEXT = (
    "None moved by more than two standard deviations of the difference of two seeds. They have causes all the same: "
    "where most go one way it is these, and not the seed. `--all` shows every one."
)
COLUMNS = ("table", "cell", "old", "new", "change", "printed", "status")
NUMBERS = ("old", "new", "change", "printed")


def folded(move: Move) -> bool:
    """Whether a move is less than the tables show: half a unit of their last place, with the verdict unchanged."""
    old, new = move.old, move.new
    if old is None or new is None or move.change is None or (old.status, old.printed) != (new.status, new.printed):
        return False
    return abs(move.change) < 0.5 * 10.0 ** -SHOWN_DECIMALS[move.key[5]]


def summary(scale: str, moves: list[Move]) -> str:
    """One line: how many cells moved at a scale, and what became of verdicts."""
    if not moves:
        return f"`{scale}`: no cell moved."
    larger = [move for move in moves if not folded(move)]
    seen = [move for move in larger if not move.within_spread]
    verdicts = Counter(_verdict(move) for move in seen if _verdict(move))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items()))
    parts = [f"`{scale}`: {len(seen)} cells moved" + (f" ({counts})" if counts else "")]
    if len(seen) < len(larger):
        parts.append(f"{len(larger) - len(seen)} more within the known spread over seeds")
    if len(larger) < len(moves):
        parts.append(f"{len(moves) - len(larger)} more by less than the tables show")
    return "; ".join(parts) + "."


def render(scale: str, moves: list[Move], everything: bool = False) -> str:
    """The moves of one scale, grouped by their causes.

    Args:
        everything: no line is left out, and small moves and those within the spread stand with the others.
    """
    parts = [f"## Scale {scale}", summary(scale, moves)]
    groups: dict[tuple[Cause, ...], list[Move]] = defaultdict(list)
    for move in moves:
        if everything or not (folded(move) or move.within_spread):
            groups[move.causes].append(move)
    for causes, found in sorted(groups.items(), key=lambda group: _rank(group[0])):
        kinds = dict.fromkeys(cause.kind for cause in sorted(causes, key=_order))
        heads = [TITLES[kind] for kind in kinds]
        parts.append("### " + " and ".join([heads[0], *(head[0].lower() + head[1:] for head in heads[1:])]))
        parts.append("\n".join(f"- {_escaped(cause.text)}" for cause in sorted(causes, key=_order)))
        parts += _tables(found, everything)
    within = [] if everything else [move for move in moves if move.within_spread and not folded(move)]
    return "\n\n".join([*parts, *_within(within)]) + "\n"


def _within(moves: list[Move]) -> list[str]:
    """Moves that another seed could have made: how many, which way, what became of verdicts, and the causes of all."""
    if not moves:
        return []
    up = sum((move.change or 0.0) > 0 for move in moves)
    averages = [move for move in moves if move.average]
    counts = (
        f"Averages: {len(averages)}, single images: {len(moves) - len(averages)}; up: {up}, down: {len(moves) - up}"
    )
    parts = ["### Within the known spread over seeds", f"{counts}. {SPREAD_TEXT}"]
    parts.append("\n".join(f"- {_escaped(cause.text)}" for cause in sorted(_causes(moves), key=_order)))
    changed = [move for move in moves if _verdict(move)]
    parts += [f"With another verdict, {len(changed)}:", _table(changed, everything=False)] if changed else []
    return parts + ([_folded_table(averages, "averages", everything=False)] if averages else [])


def _causes(moves: Iterable[Move]) -> set[Cause]:
    return {cause for move in moves for cause in move.causes}


def _tables(moves: list[Move], everything: bool) -> list[str]:
    averages = [move for move in moves if move.average]
    images = [move for move in moves if not move.average]
    parts = [_table(averages, everything)] if averages else []
    if images:
        parts.append(_folded_table(images, "single images", everything))
    return parts


def _folded_table(moves: list[Move], what: str, everything: bool) -> str:
    return f"<details><summary>{len(moves)} {what}</summary>\n\n{_table(moves, everything)}\n\n</details>"


def _table(moves: list[Move], everything: bool) -> str:
    shown = moves if everything else sorted(moves, key=lambda move: -abs(move.change or 0.0))[:SHOWN]
    text = markdown.table(table(COLUMNS, [_line(move) for move in shown], NUMBERS))
    left = len(moves) - len(shown)
    return f"{text}\n\n{left} more, moved less than these: `--all` shows them." if left else text


def _line(move: Move) -> tuple[str, ...]:
    key, dataset, item, condition, method, metric = move.key
    old, new = (_value(side) for side in (move.old, move.new))
    change = "" if move.change is None else signed(move.change, DECIMALS[metric])
    cell = " ".join(filter(None, (dataset, item, condition, method, metric)))
    return key, cell, old, new, change, move.value.printed, _verdict(move) or move.value.status


def _value(value: Value | None) -> str:
    if value is None:
        return NO_CELL
    return NOT_RUN if value.reproduced is None else fixed(value.reproduced, DECIMALS[value.metric])


def _verdict(move: Move) -> str:
    """`old status to new status`, or empty where it stays."""
    old, new = (value.status if value else NO_CELL for value in (move.old, move.new))
    return "" if old == new else f"{old} to {new}"


def _rank(causes: Iterable[Cause]) -> list[tuple[int, str]]:
    return sorted(map(_order, causes))


def _order(cause: Cause) -> tuple[int, str]:
    return KINDS.index(cause.kind), cause.text


def _escaped(text: str) -> str:
    return re.sub(r"\*|(?<!\\)<", markdown.ESCAPED, markdown.literal(text))
