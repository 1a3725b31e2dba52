"""How far averages move with the seed.

Measures test sets again under other seeds of the noise, with the code and the weights that fill the tables, and writes
mean and standard deviation of every average to `reports/spread/<scale>.csv`, from where the report takes them. It costs
as many measurements as there are seeds, so no engine runs it. Images that are measured already are taken up, and lines
of cells that are not asked for stay. With `--trained`, networks that other checkouts have trained with other seeds are
measured too, under the noise of the run.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from redenoise.commands.parsing import parser
from redenoise.commands.spread import table, training
from redenoise.commands.spread.measure import Cell, Kept, cell, image_key, kept, measured, names
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config
from redenoise.measure.denoising import DenoiserFor
from redenoise.measure.torch_mode import set_mode
from redenoise.support.errors import UserError
from redenoise.support.locks import exclusive
from redenoise.support.progress import progress
from stages.report import spreads

FURTHER = 4  # seeds besides that of the run, unless told

Way = tuple[int, DenoiserFor]  # a seed of the noise, and what denoises


def spread(config: Config, found: Cell, seeds: list[int], trained: list[Path]) -> Iterator[list[table.Line]]:
    """The lines of one cell, one noise level after the other; a kill loses what was not measured yet."""
    others, name = training.others(config, found, trained), f"spread {found.key}"
    with (
        exclusive(paths.lock(config.scale, name.replace(" ", "-")), name),
        kept(config.scale, found.key) as store,
    ):
        for sigma in found.levels:
            ways = [(seed, found.denoiser_for) for seed in seeds]
            values = _values(config, found, sigma, ways, store, f"{name} sigma {sigma:g}")
            lines = table.lines(found, spreads.NOISE, seeds, sigma, values)
            if others and sigma in others.levels:
                ways = [(config.params["seed"], way) for way in others.denoisers]
                values = _values(config, found, sigma, ways, store, f"{name} sigma {sigma:g}, trainings")
                lines += table.lines(found, spreads.TRAINING, others.seeds, sigma, values)
            yield lines


def _values(
    config: Config, found: Cell, sigma: float, ways: list[Way], store: Kept, label: str
) -> list[list[list[float]]]:
    """Measure all images at one level in all ways: for each way, for each image, a value for each metric."""
    folder = paths.data(config.scale, found.entry["dataset"])
    work = [(way, row) for way in ways for row in found.images]
    keys = [image_key(found, row, sigma, seed, denoiser(sigma)[1]) for (seed, denoiser), row in work]
    missing = [index for index, key in enumerate(keys) if key not in store.values]
    for index in progress(missing, len(work), label, done=len(work) - len(missing)):
        (seed, denoiser), row = work[index]
        store.add(keys[index], measured(found, folder, row, sigma, seed, denoiser))
    values = iter(keys)
    return [[store.values[next(values)] for _ in found.images] for _ in ways]


def parsed(text: str) -> list[int]:
    """Seeds from `1,2,3`; raises `UserError` for anything else, and for fewer than two different ones."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(f"--seeds is {text!r}; expected whole numbers with commas between, such as 1,2,3")
    seeds = [int(part) for part in parts]
    if len(set(seeds)) != len(seeds) or len(seeds) < 2:
        raise UserError(f"--seeds is {text!r}; expected two different seeds or more: one alone has no spread")
    return seeds


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    given = _options().parse_args(arguments)
    provenance.commit()  # asked for now and remembered: the code may be edited while this one measures
    config = load_config(given.scale)
    first = config.params["seed"]
    seeds = parsed(given.seeds) if given.seeds else list(range(first, first + 1 + FURTHER))
    set_mode("reference", config.settings["threads"])
    for key in names(config, given.only):
        found = cell(config, key)
        if isinstance(found, str):
            print(f"spread {key}: nothing to measure: {found}", flush=True)
            continue
        for lines in spread(config, found, seeds, given.trained):
            table.update(config, lines)
            print(f"spread {key}: {table.summary(lines)}; {spreads.path(config.scale)}", flush=True)


def _options() -> argparse.ArgumentParser:
    options = parser("spread", __doc__)
    options.add_argument("--only", nargs="+", metavar="CELL", help="entries of evaluations or filters (default: all "
                        "evaluations; filters only where named)")  # fmt: skip
    text = f"seeds of the noise (default: that of params.yaml and the {FURTHER} after it)"
    options.add_argument("--seeds", metavar="N,N,...", help=text)
    text = "other checkouts, in which the same networks were trained with other seeds"
    options.add_argument("--trained", nargs="+", type=Path, default=[], metavar="FOLDER", help=text)
    return options
