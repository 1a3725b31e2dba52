"""How values, cells and papers are written on the pages."""

from collections.abc import Iterable

from redenoise.document.model import NOTHING, Items
from redenoise.support.numbers import fixed, shortened
from stages.report.causes import by_cause
from stages.report.published import UNITS
from stages.report.results import shown_level
from stages.report.rows import DECIMALS, OFF, OWN_TRAINING, REPRODUCED, STATUSES, Comparison, Row
from stages.report.spreads import Spread
from stages.report.tables import PAPERS

SHOWN_BY_UNIT = {"dB": 3, "%": 1, "count": 0, "px": 0, "s": 3, "h": 1}
SHOWN_DECIMALS = {"psnr": 3, "ssim": 4, "params": 0, "top1": 1, "top5": 1, "miou": 2}
SHOWN_DECIMALS |= {metric: SHOWN_BY_UNIT[units[0]] for metric, units in UNITS.items() if metric not in SHOWN_DECIMALS}
METRIC_NAMES = {
    metric: metric.replace("_", " ").replace("psnr", "PSNR").replace("params", "parameters") for metric in UNITS
}
METRIC_NAMES |= {"psnr": "PSNR", "ssim": "SSIM", "params": "parameters"}
METRIC_NAMES |= {"runtime_cpu": "run time on a CPU", "runtime_gpu": "run time on a GPU"}
METRIC_NAMES |= {"top1": "top-1", "top5": "top-5", "miou": "mIoU"}
VERDICT_MARKS = {REPRODUCED: "✓", OFF: "✗", OWN_TRAINING: "○"}
ONE_SEED = "one seed"


def counts(comparison: Comparison) -> dict[str, int]:
    """How many printed cells have each of `STATUSES`."""
    found = [row.status for row in comparison.printed.values()]
    return {status: found.count(status) for status in STATUSES}


def summary(comparison: Comparison) -> str:
    """How many printed cells the table has, by status."""
    found = counts(comparison)
    causes = ", ".join(f"{len(rows)} {name}" for name, rows in by_cause([*comparison.printed.values()]).items())
    parts = [f"{found[status]} {status}{f' ({causes})' if status == OFF and causes else ''}" for status in STATUSES]
    return f"{sum(found.values())} printed cells: {', '.join(parts)}."


def cell_name(row: Row) -> str:
    """Which cell of a table a row is: item, method, level if any, metric."""
    level = shown_level(row.condition) if row.condition else ""
    return ", ".join(filter(None, (row.item or row.dataset, row.method, level, METRIC_NAMES[row.metric])))


def number(value: float | None, metric: str) -> str:
    """A measured value as shown on a page."""
    return NOTHING if value is None else _shown(value, metric, ",")


def change(value: float, metric: str) -> str:
    """A difference of values as shown on a page, with its sign."""
    return _shown(value, metric, "+,")


def _shown(value: float, metric: str, form: str) -> str:
    return shortened(fixed(value, DECIMALS[metric]), SHOWN_DECIMALS[metric], form)


def with_interval(row: Row) -> str:
    """A measured value with its 95 % interval, if it has one: `63.2 [62.8, 63.6]`."""
    text = number(row.reproduced, row.metric)
    return text if row.low is None else f"{text} [{number(row.low, row.metric)}, {number(row.high, row.metric)}]"


def with_spread(spread: Spread | None, metric: str) -> str:
    """Mean of an average and one standard deviation: `30.4512 ± 0.0012 (4 seeds)`; `one seed` where nobody knows it.

    One more decimal than elsewhere. The mean is left out where it is that of other weights than the run's, or where
    trainings alone were repeated.
    """
    if spread is None:
        return ONE_SEED
    digits = SHOWN_DECIMALS[metric] + 1
    mean = f"{spread.mean:,.{digits}f} " if spread.mean is not None else ""
    counts = ((spread.seeds, "seeds"), (spread.trainings, "trainings"))
    over = ", ".join(f"{count} {what}" for count, what in counts if count)
    other = "; other weights" if spread.seeds and spread.mean is None else ""
    return f"{mean}± {spread.average:.{digits}f} ({over}{other})"


def as_printed(row: Row) -> str:
    """A printed value as the paper writes it: parameters in thousands."""
    return f"{int(row.printed) // 1000:,}k" if row.metric == "params" else row.printed


def verdict(row: Row) -> str:
    """Delta and verdict of a cell, always equally wide: a changed verdict then changes no other line of a diff."""
    if row.delta is None:
        return NOTHING
    return f"{change(row.delta, row.metric)} {VERDICT_MARKS[row.status]}"


def papers(keys: Iterable[str]) -> Items:
    """What the papers' keys stand for."""
    texts = []
    for key, paper in ((key, PAPERS[key]) for key in keys):
        link = f", [doi:{paper.doi}](https://doi.org/{paper.doi})" if paper.doi else ""
        texts.append(f'`{key}`: {paper.short}, "{paper.title}"{link}')
    return Items(tuple(texts))
