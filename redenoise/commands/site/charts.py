"""Charts as inline SVG: lines and points over a linear or a logarithmic axis; colours come from the style sheet."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 14, 12, 44
LOOKS = 9  # colours of the style sheet; after these the dashes change
DASHES = ("", "6 3", "2 3")
# Where the label of a point may stand: its offset and its anchor.
SIDES = {
    "left": (-7, 4, "end"),
    "right": (7, 4, "start"),
    "above": (0, -8, "middle"),
    "below": (0, 18, "middle"),
    "upper right": (7, -2, "start"),
    "lower right": (7, 12, "start"),
    "upper left": (-7, -2, "end"),
    "lower left": (-7, 12, "end"),
}
LETTER, TALL, DOT = 7, 12, 4  # width and height of a label's letters as phones show them, radius of a labelled point

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Point:
    """A value with what stands beside it under the pointer; `label` stays beside it, on the side `side` if it can."""

    x: float
    y: float
    tip: str
    label: str = ""
    side: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes:
        name: what the legend calls it.
        look: number of its colour and dashes.
        kind: of CSS: besides the colour, what it looks like, such as `hollow`.
        joined: whether a line goes through the points.
    """

    name: str
    look: int
    points: tuple[Point, ...]
    kind: str = ""
    joined: bool = True


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, both within the values' range and its margin."""

    title: str
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        low, high, value = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return (value - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """Round values within the axis: 1, 2 and 5 times powers of ten, over long ranges of a logarithm 1 alone."""
        if self.log:
            factors = (1,) if self.high > 100 * self.low else (1, 2, 5)
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [factor * 10.0**power for power in powers for factor in factors]
            return [value for value in found if self.low <= value <= self.high]
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(index * step, 9) for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def axis(title: str, values: list[float], log: bool = False) -> Axis:
    """An axis that holds the values with a small margin."""
    low, high = min(values), max(values)
    if log:
        margin = (high / low) ** 0.06 if high > low else 1.5
        return Axis(title, low / margin, high * margin, log)
    margin = 0.06 * (high - low) or 0.5
    return Axis(title, low - margin, high + margin)


@dataclass(frozen=True)
class Chart:
    """A chart; `described` says in one sentence what it shows, for those who do not see it."""

    title: str
    described: str
    x: Axis
    y: Axis
    series: tuple[Series, ...] = field(default=())

    def svg(self) -> str:
        """The chart as an SVG element."""
        name = escape(f"{self.title}. {self.described}")
        head = f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" aria-label="{name}">'
        drawn = (self._drawn(series) for series in self.series)
        return "\n".join([head, *self._frame(), *drawn, *self._labels(), "</svg>"])

    def _place(self, point: Point) -> tuple[float, float]:
        left = LEFT + self.x.share(point.x) * (WIDTH - LEFT - RIGHT)
        return round(left, 1), round(self._height(point.y), 1)

    def _height(self, value: float) -> float:
        return TOP + (1 - self.y.share(value)) * (HEIGHT - TOP - BOTTOM)

    def _frame(self) -> list[str]:
        right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for value in self.y.ticks:
            height = round(self._height(value), 1)
            parts.append(f'<path class="grid" d="M{LEFT} {height}H{right}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{height + 4}" class="end">{value:g}</text>')
        for value in self.x.ticks:
            left = round(LEFT + self.x.share(value) * (right - LEFT), 1)
            parts.append(f'<path class="grid" d="M{left} {TOP}V{floor}"/>')
            parts.append(f'<text x="{left}" y="{floor + 16}" class="middle">{short(value)}</text>')
        parts.append(f'<path class="frame" d="M{LEFT} {TOP}V{floor}H{right}"/>')
        parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" class="middle">{escape(self.x.title)}</text>')
        middle = (TOP + floor) / 2
        turned = f'transform="rotate(-90 13 {middle})"'
        parts.append(f'<text x="13" y="{middle}" class="middle" {turned}>{escape(self.y.title)}</text>')
        return parts

    def _drawn(self, series: Series) -> str:
        places = [self._place(point) for point in series.points]
        dash = DASHES[series.look // LOOKS % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts = [f'<g class="series look{series.look % LOOKS} {series.kind}" data-name="{escape(series.name)}">']
        if series.joined and len(places) > 1:
            line = " ".join(f"{left},{height}" for left, height in places)
            parts.append(f'<polyline points="{line}"{dashed}/>')
        radius = DOT if not series.joined else 2.5 if len(places) < 12 else 1.2
        for point, (left, height) in zip(series.points, places, strict=True):
            tip = escape(point.tip)
            parts.append(f'<circle cx="{left}" cy="{height}" r="{radius}" data-tip="{tip}"/>')
        return "".join([*parts, "</g>"])

    def _labels(self) -> Iterable[str]:
        """The labels of all points, each where it covers nothing; one that has no such place is left to the pointer."""
        labelled = [point for series in self.series for point in series.points if point.label]
        places = [self._place(point) for point in labelled]
        taken = [(left - DOT, height - DOT, left + DOT, height + DOT) for left, height in places]
        for point, (left, height) in zip(labelled, places, strict=True):
            for side in dict.fromkeys([point.side or "right", *SIDES]):
                across, down, anchor = SIDES[side]
                box = covered(left + across, height + down, anchor, len(point.label))
                if _inside(box) and not any(overlap(box, other) for other in taken):
                    taken.append(box)
                    place = f'x="{left + across:.1f}" y="{height + down:.1f}"'
                    yield f'<text {place} class="{anchor} label">{escape(point.label)}</text>'
                    break


def short(value: float) -> str:
    """A count as on an axis: 200, 1k, 5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def covered(x: float, base: float, anchor: str, letters: int) -> Box:
    """What a label covers that is anchored at `x` and stands on a line at `base`."""
    left = x - {"start": 0, "middle": 0.5, "end": 1}[anchor] * letters * LETTER
    return left, base - TALL, left + letters * LETTER, base


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have an area in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _inside(box: Box) -> bool:
    return box[0] > LEFT and box[1] > 0 and box[2] < WIDTH and box[3] < HEIGHT - BOTTOM
