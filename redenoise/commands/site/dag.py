"""The picture of the DAG's stages: one row per step of the flow, arrows to the stages that read.

An arrow that passes rows gets a place of its own in each, so that it runs beside their boxes and not behind them.
"""

from dataclasses import dataclass, field
from html import escape
from statistics import fmean

BOX, TALL, ACROSS, DOWN, MARGIN = 156, 40, 22, 46, 10
PASSING = 12  # width of the place of an arrow that passes a row
SWEEPS = 8


@dataclass(eq=False)
class Place:
    """A box, or where an arrow passes a row; `above` are the places of the row before that lead to it."""

    stage: str
    above: list["Place"] = field(default_factory=list)
    below: list["Place"] = field(default_factory=list)
    left: float = 0.0

    @property
    def width(self) -> int:
        return BOX if self.stage else PASSING

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def draw(edges: dict[str, list[str]], counts: dict[str, int]) -> str:
    """The stages as an SVG element; `edges` from a stage to those that it reads, `counts` its nodes."""
    rows = _rows(edges)
    for sweep in range(SWEEPS):
        _order(rows, downwards=sweep % 2 == 0)
    width = max(_lay(row) for row in rows)
    for row in rows:
        shift = (width - row[-1].left - row[-1].width) / 2
        for place in row:
            place.left += shift + MARGIN
    height = len(rows) * (TALL + DOWN) - DOWN + 2 * MARGIN
    width += 2 * MARGIN
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" aria-label="Stages">']
    parts.append('<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" ')
    parts.append('orient="auto"><path d="M0 0L8 4L0 8Z"/></marker></defs>')
    for number, row in enumerate(rows):
        parts += [_arrow(number, place, reader) for place in row for reader in place.below]
    for number, row in enumerate(rows):
        parts += [_box(number, place, counts[place.stage]) for place in row if place.stage]
    return "\n".join([*parts, "</svg>"])


def _rows(edges: dict[str, list[str]]) -> list[list[Place]]:
    """The stages by the longest way from them to the end, so that each stands close to its readers."""
    readers = {stage: [other for other in edges if stage in edges[other]] for stage in edges}
    height: dict[str, int] = {}

    def high(stage: str) -> int:
        if stage not in height:
            height[stage] = 1 + max((high(other) for other in readers[stage]), default=-1)
        return height[stage]

    last = max(map(high, edges))
    boxes = {stage: Place(stage) for stage in edges}
    rows: list[list[Place]] = [[] for _ in range(last + 1)]
    for stage, place in boxes.items():
        rows[last - height[stage]].append(place)
    for stage, read in edges.items():
        for other in read:
            above = boxes[other]
            for number in range(last - height[other] + 1, last - height[stage]):
                passing = Place("", [above])
                above.below.append(passing)
                rows[number].append(passing)
                above = passing
            above.below.append(boxes[stage])
            boxes[stage].above.append(above)
    return rows


def _order(rows: list[list[Place]], downwards: bool) -> None:
    """Sort each row by the mean position of what it hangs on in the row before, so that fewer arrows cross."""
    pairs = zip(rows, rows[1:], strict=False) if downwards else zip(rows[::-1], rows[-2::-1], strict=False)
    for fixed, moved in pairs:
        position = {place: (index + 0.5) / len(fixed) for index, place in enumerate(fixed)}
        own = {place: (index + 0.5) / len(moved) for index, place in enumerate(moved)}

        def wanted(place: Place, position: dict = position, own: dict = own) -> float:
            near = place.above if downwards else place.below
            return fmean(position[other] for other in near) if near else own[place]

        moved.sort(key=wanted)


def _lay(row: list[Place]) -> float:
    """Put a row's places side by side; returns its width."""
    left = 0.0
    for place in row:
        place.left = left
        left += place.width + ACROSS
    return left - ACROSS


def _arrow(number: int, start: Place, end: Place) -> str:
    top = MARGIN + number * (TALL + DOWN) + TALL
    floor = top + DOWN
    bend = DOWN / 2
    path = f"M{start.middle} {top}C{start.middle} {top + bend} {end.middle} {floor - bend} {end.middle} {floor}"
    if not end.stage:  # it goes on beside the boxes of the row
        return f'<path class="edge" d="{path}V{floor + TALL}"/>'
    return f'<path class="edge" d="{path}" marker-end="url(#tip)"/>'


def _box(number: int, place: Place, count: int) -> str:
    name, top = escape(place.stage), MARGIN + number * (TALL + DOWN)
    nodes = f"{count} node{'s' if count > 1 else ''}"
    return (
        f'<a href="#stage-{name}" aria-label="{name}, {nodes}">'
        f'<rect x="{place.left}" y="{top}" width="{BOX}" height="{TALL}" rx="6"/>'
        f'<text x="{place.middle}" y="{top + 17}" class="middle">{name}</text>'
        f'<text x="{place.middle}" y="{top + 32}" class="middle small">{nodes}</text></a>'
    )
