"""The lines of `reports/spread/<scale>.csv`: made from measured values, and put among those that are there."""

from math import sqrt
from statistics import fmean, variance

from redenoise.commands.spread.measure import METRICS, Cell
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.measure.inputs import dataset_title
from redenoise.support import csv_tables
from redenoise.support.files import write_text
from redenoise.support.locks import exclusive
from stages.report import spreads
from stages.report.records import DIGITS

Line = dict[str, str]  # by the columns of the file


def lines(cell: Cell, varied: str, seeds: list[int], sigma: float, values: list[list[list[float]]]) -> list[Line]:
    """One line for each metric at one noise level.

    Args:
        varied: what the seeds are of.
        values: for each seed, for each image, a value for each metric.
    """
    return [
        _line(cell, varied, seeds, sigma, metric, [[image[place] for image in images] for images in values])
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


def update(config: Config, new: list[Line]) -> None:
    """Put lines into the file, atomically: each replaces the one of its average and seeds, and all keep one order."""
    with exclusive(paths.lock(config.scale, "spread"), "spread"):
        old = spreads.rows(config.scale)
        merged = {_key(line): line for line in (*old, *new)}
        order = _order(config)
        kept = [line for line in merged.values() if (line["dataset"], line["method"]) in order]
        kept.sort(key=lambda line: (order[line["dataset"], line["method"]], _key(line)[2:]))
        rows = ([line[name] for name in spreads.COLUMNS] for line in kept)
        write_text(spreads.path(config.scale), csv_tables.text(spreads.COLUMNS, rows))


def summary(new: list[Line]) -> str:
    """What was found at one noise level, in a few words: the standard deviation of the average PSNR over seeds."""
    found = [line for line in new if line["metric"] == "psnr"]
    parts = [f"{len(one['seeds'].split())} seeds of the {one['varied']} ± {float(one['std']):.4f} dB" for one in found]
    return f"{found[0]['condition']}, PSNR over {', over '.join(parts)}"


def _order(config: Config) -> dict[tuple[str, str], int]:
    """Place of each (data set, method) in params.yaml; lines of others are of entries that are gone."""
    entries = [config.entry(stage, key) for stage in ("evaluate", "filter") for key in config.keys(stage)]
    found = [(dataset_title(config, entry["dataset"]), entry["method"]) for entry in entries]
    return {name: place for place, name in enumerate(found)}


def _key(line: Line) -> tuple[str, str, float, str, str]:
    """Data set, method, and the noise level as a number, so that 5 stands before 15."""
    sigma = float(line["condition"].removeprefix("sigma="))
    return line["dataset"], line["method"], sigma, line["metric"], line["varied"]
