"""Why cells are off, as far as it is known, and the three sentences that sum up a scale."""

from collections import Counter
from dataclasses import replace

from redenoise.document.model import NETWORK
from stages.report.grounds import COUNT, IMPLEMENTATION, TIME
from stages.report.published import STRENGTHS
from stages.report.rows import NOT_RUN, OFF, OWN_TRAINING, REPRODUCED, Comparison, Row

MISPRINT = "suspected misprint"
COUNTING = "another way of counting"
TIMING = "another machine and other code"
UNEXPLAINED = "unexplained"
NEAR = 0.10  # dB, as the sentence of other trainings counts them
LARGEST = 3  # reasons that the sentence of what is missing names


def cause(row: Row) -> str:
    """Why a cell is off: the first of these that holds of it. A weak suspicion explains what nothing else does."""
    if row.suspect is not None and row.suspect.strength == STRENGTHS[0]:
        return MISPRINT
    if row.ground == COUNT:
        return COUNTING
    if row.ground == TIME:
        return TIMING
    if row.ground == IMPLEMENTATION:
        return f"{IMPLEMENTATION} of {row.measured}"
    return UNEXPLAINED if row.suspect is None else MISPRINT


def by_cause(rows: list[Row]) -> dict[str, list[Row]]:
    """The cells that are off, by cause; the largest number first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.status == OFF:
            found.setdefault(cause(row), []).append(row)
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def once(comparisons: list[Comparison]) -> list[Row]:
    """The printed cells of all tables; what two papers print alike, on one measurement, is there once."""
    rows = (row for comparison in comparisons for row in comparison.printed.values())
    return list({replace(row, table="", measured="", note=""): row for row in rows}.values())


def sentences(comparisons: list[Comparison]) -> tuple[str, str, str]:
    """What was found, what was not, and what is missing and why; cells counted once."""
    rows = once(comparisons)
    found = Counter(row.status for row in rows)
    causes = ", ".join(f"{len(cells)} {name}" for name, cells in by_cause(rows).items())
    own = [abs(row.delta) for row in rows if row.status == OWN_TRAINING and row.delta is not None and row.unit == "dB"]
    trained = f"; {found[OWN_TRAINING]} more were measured with networks of another training than the paper's"
    near = sum(delta <= NEAR + 1e-9 for delta in own)
    trained += f", {near} of {len(own)} within {NEAR:.2f} dB of print" if own else ""
    images = sum(row.scope != NETWORK for row in rows if row.status == REPRODUCED)
    return (
        f"Found: {found[REPRODUCED]} of {len(rows)} distinct printed cells come out as printed, {images} of them "
        "measured on images.",
        f"Not found: {found[OFF]} are off ({causes or 'none'}){trained if found[OWN_TRAINING] else ''}.",
        f"Missing: {found[NOT_RUN]} were not run{_reasons(rows)}.",
    )


def _reasons(rows: list[Row]) -> str:
    found = Counter(row.reason.partition(";")[0].partition(": ")[0] for row in rows if row.status == NOT_RUN)
    shown = [f"{count}: {reason}" for reason, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]
    others = "; the rest in the overview" if len(shown) > LARGEST else ""
    return f" ({'; '.join(shown[:LARGEST])}{others})" if shown else ""
