"""The lines of `reports/spread/<scale>.csv`: made from measured values, and put among those that are there."""

import csv
import io
from math import sqrt
from statistics import fmean, variance

from stages.common import config, paths, provenance
from stages.common.files import write_text
from stages.common.locks import exclusive
from stages.evaluate.measure import dataset_title
from stages.report import spreads
from stages.report.records import DIGITS
from stages.spread.cells import Cell
from stages.spread.measure import METRICS

Line = dict[str, str]  # by the columns of the file


def lines(cell: Cell, varied: str, seeds: list[int], series: dict[float, list]) -> list[Line]:
    """One line for each noise level and metric.

    Args:
        varied: what the seeds are of.
        series: by noise level: for each seed, for each image, a value for each metric.
    """
    return [
        _line(cell, varied, seeds, sigma, metric, [[image[place] for image in images] for images in series[sigma]])
        for sigma in series
        for place, metric in enumerate(METRICS)
    ]


def _line(cell: Cell, varied: str, seeds: list[int], sigma: float, metric: str, found: list[list[float]]) -> Line:
    """`found`: for each seed the values of all images."""
    values = [f"{fmean(images):.{spreads.DECIMALS}f}" for images in found]
    mean, std = spreads.statistics([float(value) for value in values])
    image = sqrt(fmean(variance(one) for one in zip(*found, strict=True)))
    made = provenance.commit()
    commit = (made["commit"] or "unknown")[:DIGITS] + (" and changes" if made["uncommitted_changes"] else "")
    numbers = (f"{value:.{spreads.DECIMALS}f}" for value in (mean, std, image))
    head = (cell.title, f"sigma={sigma:g}", cell.entry["method"], metric, varied)
    texts = (*head, " ".join(map(str, seeds)), " ".join(values), *numbers, str(len(found[0])), cell.weights, commit)
    return dict(zip(spreads.COLUMNS, texts, strict=True))


def update(settings: config.Config, new: list[Line]) -> None:
    """Put lines into the file, atomically: each replaces the one of its average and seeds, and all keep one order."""
    with exclusive(paths.lock(settings.scale, "spread"), "spread"):
        old = spreads.rows(settings.scale).to_dict("records")
        merged = {_key(line): line for line in (*old, *new)}
        order = _order(settings)
        kept = [line for line in merged.values() if (line["dataset"], line["method"]) in order]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, spreads.COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(kept, key=lambda line: (order[line["dataset"], line["method"]], _key(line)[2:])))
        write_text(spreads.path(settings.scale), stream.getvalue())


def summary(new: list[Line]) -> str:
    """What was found, in a few words: the range of the standard deviations of the average PSNR over seeds."""
    parts = []
    for varied in dict.fromkeys(line["varied"] for line in new):
        found = [line for line in new if (line["varied"], line["metric"]) == (varied, "psnr")]
        low, high = (pick(float(line["std"]) for line in found) for pick in (min, max))
        parts.append(f"{len(found[0]['seeds'].split())} seeds of the {varied}, PSNR ± {low:.4f} to {high:.4f} dB")
    return "; ".join(parts)


def _order(settings: config.Config) -> dict[tuple[str, str], int]:
    """Place of each (data set, method) in params.yaml; lines of others are of entries that are gone."""
    entries = [settings.entry(stage, key) for stage in ("evaluate", "baseline") for key in settings.keys(stage)]
    found = [(dataset_title(settings, entry["dataset"]), entry["method"]) for entry in entries]
    return {name: place for place, name in enumerate(found)}


def _key(line: Line) -> tuple[str, str, float, str, str]:
    """Data set, method, and the noise level as a number, so that 5 stands before 15."""
    sigma = float(line["condition"].removeprefix("sigma="))
    return line["dataset"], line["method"], sigma, line["metric"], line["varied"]
