"""The tables of a page: the paper's own layout first, then everything else that was measured."""

from dataclasses import dataclass, replace

from redenoise.commands.site.cells import Cell
from stages.report.kinds import DesignTable, Printed, Table, TaskTable
from stages.report.layout import METRIC_NAMES, SHOWN_DECIMALS, VERDICT_MARKS
from stages.report.results import AVERAGE, DEMO_PREFIX, is_noise, sigma
from stages.report.rows import signed

COMPARED, PRINTED, MEASURED = ("printed", "reproduced", "Δ"), ("printed",), ("measured",)


@dataclass(frozen=True)
class View:
    """One cell of a grid as shown.

    Attributes:
        text: what it says.
        sort: what it is sorted by, a number or empty.
        index: of the cell of the CSV behind it, or None where there is none.
        opens: whether it is the one of its cell's columns that holds the button.
        look: its status as a CSS class.
        best: whether it is the best of its line.
    """

    text: str = ""
    sort: str = ""
    index: int | None = None
    opens: bool = False
    look: str = ""
    best: bool = False


@dataclass(frozen=True)
class Grid:
    """One table.

    Attributes:
        stub: names of the leading columns.
        groups: label and columns of each method.
        lines: leading cells and the others, of each line; `foot` holds the averages, which sorting leaves in place.
        main: whether it is part of the paper's own table.
    """

    heading: str
    stub: tuple[str, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    lines: tuple[tuple[tuple[str, ...], tuple[View, ...]], ...]
    foot: tuple[tuple[tuple[str, ...], tuple[View, ...]], ...] = ()
    main: bool = True


Numbered = list[tuple[int, Cell]]


def lay_out(spec: Printed, cells: list[Cell]) -> list[Grid]:
    """The grids of one table, the main ones first; a grid's cells know their place in `cells`."""
    numbered = list(enumerate(cells))
    if isinstance(spec, DesignTable):
        return [_designs(spec, numbered)]
    made: list[Grid] = []
    demo = any(cell.stand_in for cell in cells)
    for dataset in dict.fromkeys(cell.dataset for cell in cells):
        found = [(index, cell) for index, cell in numbered if cell.dataset == dataset]
        grids = _per_image(spec, found) if getattr(spec, "per_image", False) else _averages(spec, found)
        # At the demo scale the printed cells are there to be read: nothing is compared with them.
        aside = demo and not found[0][1].stand_in
        made += [replace(grid, heading=f"Printed: {grid.heading}", main=False) if aside else grid for grid in grids]
    return sorted(made, key=lambda grid: not grid.main)


def level(condition: str) -> str:
    """A condition in words: `σ = 25`, `clean`."""
    return f"σ = {sigma(condition)}" if is_noise(condition) else condition


def _per_image(spec: Table, found: Numbered) -> list[Grid]:
    """One grid for each noise level and metric: an image a line, the average below."""
    made = []
    for condition, metric in dict.fromkeys((cell.condition, cell.metric) for _, cell in found):
        chosen = [(index, cell) for index, cell in found if (cell.condition, cell.metric) == (condition, metric)]
        heading = f"{level(condition)}, {_named(chosen[0][1])}{_stand_ins(chosen[0][1])}"
        main = metric in spec.metrics and (chosen[0][1].stand_in or any(cell.published for _, cell in chosen))
        made.append(_by_item(spec, heading, chosen, main))
    return made


def _averages(spec: Table | TaskTable, found: Numbered) -> list[Grid]:
    """One grid for each metric, a noise level a line; then the single images, which the paper does not print."""
    made = []
    for metric in dict.fromkeys(cell.metric for _, cell in found):
        chosen = [(index, cell) for index, cell in found if cell.metric == metric]
        means = [(index, cell) for index, cell in chosen if cell.item == AVERAGE]
        of = "" if isinstance(spec, TaskTable) else "Averages, "
        if means:
            lines = [((level(name),), name) for name in dict.fromkeys(cell.condition for _, cell in means)]
            placed = {(cell.condition, cell.method): (index, cell) for index, cell in means}
            heading = f"{of}{_named(means[0][1])}{_stand_ins(means[0][1])}"
            made.append(_fill(heading, ("noise",), lines, _labels(spec, means), placed, metric in spec.metrics))
        for condition in dict.fromkeys(cell.condition for _, cell in chosen if cell.item != AVERAGE):
            images = [(index, cell) for index, cell in chosen if cell.condition == condition and cell.item != AVERAGE]
            heading = f"Single images, {level(condition)}, {_named(images[0][1])}{_stand_ins(images[0][1])}"
            made.append(_by_item(spec, heading, images, main=False))
    return made


def _by_item(spec: Table | TaskTable, heading: str, found: Numbered, main: bool) -> Grid:
    lines = [((item,), item) for item in dict.fromkeys(cell.item for _, cell in found)]
    placed = {(cell.item, cell.method): (index, cell) for index, cell in found}
    return _fill(heading, ("image",), lines, _labels(spec, found), placed, main)


def _labels(spec: Table | TaskTable, found: Numbered) -> list[tuple[str, str]]:
    """The methods of some cells as (label, key), the printed ones in the paper's order, then the others."""
    there = dict.fromkeys(cell.method for _, cell in found)
    ordered = [method.printed for method in spec.methods if method.printed in there]
    return [(label, label) for label in dict.fromkeys([*ordered, *there])]


def _designs(spec: DesignTable, found: Numbered) -> Grid:
    """A design a line: its parameters, its printed and its measured PSNR."""
    shown = {design.item: design.shown for design in spec.designs}
    items = dict.fromkeys(cell.item for _, cell in found)
    lines = [(shown.get(item, (item,) * len(spec.columns)), item) for item in items]
    kinds = {(cell.dataset, cell.metric): cell for _, cell in found}
    of = {key: _stand_ins(cell) or f", {cell.dataset}".rstrip(", ") for key, cell in kinds.items()}
    groups = [(f"{_named(cell)}{of[key]}", key) for key, cell in kinds.items()]
    placed = {(cell.item, (cell.dataset, cell.metric)): (index, cell) for index, cell in found}
    heading = f"Designs: parameters, and average PSNR in dB at σ = {spec.sigma}"
    return _fill(heading, spec.columns, lines, groups, placed, main=True)


def _named(cell: Cell) -> str:
    unit = f" in {cell.unit}" if cell.unit not in ("", "count") else ""
    return f"{METRIC_NAMES[cell.metric]}{unit}"


def _stand_ins(cell: Cell) -> str:
    return f" (stand-ins for {cell.dataset.removeprefix(DEMO_PREFIX)})" if cell.stand_in else ""


def _fill(heading: str, stub: tuple, lines: list, groups: list, placed: dict, main: bool) -> Grid:
    """A grid from its lines (head, key), its groups (label, key) and its cells by (line's key, group's key)."""
    columns = [_columns([cell for (_, group), (_, cell) in placed.items() if group == key]) for _, key in groups]
    body, foot = [], []
    for head, line in lines:
        found = [placed.get((line, key)) for _, key in groups]
        best = [_best(found, kind) for kind in ("published", "reproduced")]
        views = [view for pair, names in zip(found, columns, strict=True) for view in _views(pair, names, best)]
        (foot if line == AVERAGE else body).append((head, tuple(views)))
    named = tuple((label, names) for (label, _), names in zip(groups, columns, strict=True))
    return Grid(heading, stub, named, tuple(body), tuple(foot), main)


def _columns(cells: list[Cell]) -> tuple[str, ...]:
    printed, measured = any(cell.published for cell in cells), any(cell.reproduced for cell in cells)
    return COMPARED if printed and measured else PRINTED if printed else MEASURED


def _best(found: list[tuple[int, Cell] | None], kind: str) -> float | None:
    """The largest value of a line; of one value, or of parameters, none is best."""
    values = [float(getattr(pair[1], kind)) for pair in found if pair and getattr(pair[1], kind)]
    counted = any(pair and pair[1].metric == "params" for pair in found)
    return max(values) if len(values) > 1 and not counted else None


def _views(pair: tuple[int, Cell] | None, names: tuple[str, ...], best: list[float | None]) -> list[View]:
    if pair is None:
        return [View()] * len(names)
    index, cell = pair
    look = cell.status.replace(" ", "-")
    thousands = f"{int(cell.published) // 1000:,}k" if cell.metric == "params" and cell.published else cell.published
    top = bool(cell.published) and float(cell.published) == best[0]
    printed = View(thousands, cell.published, index, names == PRINTED, look if names == PRINTED else "", top)
    if names == PRINTED:
        return [printed]
    text = cell.shown or ("not run" if cell.published else "")
    value = View(text, cell.reproduced, index, bool(text), look, bool(cell.reproduced) and cell.value == best[1])
    if names == MEASURED:
        return [value]
    delta = ""
    if cell.delta:
        delta = f"{signed(float(cell.delta), SHOWN_DECIMALS[cell.metric], ',')} {VERDICT_MARKS[cell.status]}"
    return [printed, value, View(delta, cell.delta, index, False, look)]
