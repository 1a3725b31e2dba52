"""How far averages move with the seed: `python -m stages.spread [--scale S] [--seeds 1,2,3] [--only CELL ...]`.

Measures test sets again under other seeds of the noise, with the code and the weights that fill the tables, and writes
mean and standard deviation of every average to `reports/spread/<scale>.csv`, from where the report takes them. It costs
as many measurements as there are seeds, so no engine runs it. Images that are measured already are taken up, and lines
of cells that are not asked for stay. With `--trained`, networks that other checkouts have trained with other seeds are
measured too, under the noise of the run.
"""

import argparse
from pathlib import Path

from stages.common import config, paths, provenance
from stages.common.errors import UserError, run_cli
from stages.common.locks import exclusive
from stages.common.progress import progress
from stages.common.torch_mode import set_mode
from stages.evaluate.measure import DenoiserFor
from stages.report import spreads
from stages.spread import table, training
from stages.spread.cells import Cell, cell, names
from stages.spread.measure import Kept, image_key, kept, measured

FURTHER = 4  # seeds besides that of the run, unless told

Series = dict[float, list[list[list[float]]]]  # by noise level: for each seed, for each image, a value for each metric


def spread(settings: config.Config, key: str, seeds: list[int], trained: list[Path]) -> list[table.Line] | str:
    """The lines of one cell, or why there are none."""
    found = cell(settings, key)
    if isinstance(found, str):
        return found
    others = training.others(settings, found, trained)
    with (
        exclusive(paths.lock(settings.scale, f"spread-{key}"), f"spread {key}"),
        kept(settings.scale, key) as store,
    ):
        ways = [(seed, found.denoiser_for) for seed in seeds]
        series = _series(settings, found, found.levels, ways, store, f"spread {key}")
        lines = table.lines(found, spreads.NOISE, seeds, series)
        if others:
            ways = [(settings.params["seed"], way) for way in others.denoisers]
            series = _series(settings, found, others.levels, ways, store, f"spread {key}, trainings")
            lines += table.lines(found, spreads.TRAINING, others.seeds, series)
    return lines


def _series(
    settings: config.Config,
    found: Cell,
    levels: list[float],
    ways: list[tuple[int, DenoiserFor]],
    store: Kept,
    label: str,
) -> Series:
    """Measure all images at all levels in all ways, each a seed of the noise and what denoises."""
    folder = paths.data(settings.scale, found.entry["dataset"])
    work = [(sigma, way, row) for sigma in levels for way in ways for row in found.images]
    keys = [image_key(found, row, sigma, seed, denoiser(sigma)[1]) for sigma, (seed, denoiser), row in work]
    missing = [index for index, key in enumerate(keys) if key not in store.values]
    for index in progress(missing, len(work), label, done=len(work) - len(missing)):
        sigma, (seed, denoiser), row = work[index]
        store.add(keys[index], measured(found, folder, row, sigma, seed, denoiser))
    values = iter(keys)
    return {sigma: [[store.values[next(values)] for _ in found.images] for _ in ways] for sigma in levels}


def parsed(text: str) -> list[int]:
    """Seeds from `1,2,3`; raises `UserError` for anything else, and for fewer than two different ones."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(f"--seeds is {text!r}; expected whole numbers with commas between, such as 1,2,3")
    seeds = [int(part) for part in parts]
    if len(set(seeds)) != len(seeds) or len(seeds) < 2:
        raise UserError(f"--seeds is {text!r}; expected two different seeds or more: one alone has no spread")
    return seeds


def main() -> None:
    """Command line."""
    arguments = _parser().parse_args()
    provenance.commit()  # asked for now and remembered: the code may be edited while this one measures
    settings = config.load(arguments.scale)
    first = settings.params["seed"]
    seeds = parsed(arguments.seeds) if arguments.seeds else list(range(first, first + 1 + FURTHER))
    set_mode(settings.params["mode"], settings.settings["threads"])
    for key in names(settings, arguments.only):
        lines = spread(settings, key, seeds, arguments.trained)
        if isinstance(lines, str):
            print(f"spread {key}: nothing to measure: {lines}", flush=True)
            continue
        table.update(settings, lines)
        print(f"spread {key}: {table.summary(lines)}; {spreads.path(settings.scale)}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = config.stage_parser("spread", "Measure how far averages move with the seed.", keyed=False)
    parser.add_argument("--only", nargs="+", metavar="CELL", help="entries of evaluations or baselines (default: all "
                        "evaluations; baselines only where named)")  # fmt: skip
    text = f"seeds of the noise (default: that of params.yaml and the {FURTHER} after it)"
    parser.add_argument("--seeds", metavar="N,N,...", help=text)
    text = "other checkouts, in which the same networks were trained with other seeds"
    parser.add_argument("--trained", nargs="+", type=Path, default=[], metavar="FOLDER", help=text)
    return parser


if __name__ == "__main__":
    run_cli(main)
