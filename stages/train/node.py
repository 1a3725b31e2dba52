"""Weights of every family: `python -m stages.train [--scale SCALE] [--only KEY] [--model MODEL]`.

Output: `build/<scale>/weights/<key>/<model>.safetensors`; `sigma25` for a network of one noise level, `model` for one
that serves a range; beside each trained one its learning curve `<model>.curve.csv`. A scale either imports weights or
trains. The networks of a family train together; `--model` trains one of them alone and leaves it as a checkpoint, which
the training of the family then takes up.
"""

import argparse
from pathlib import Path

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.training.node import make
from stages.train.family import Family


def run(config: Config, key: str, options: argparse.Namespace) -> None:
    """Make the weights of one family."""
    entry = config.entry("train", key)
    make(
        *(config, "train", key, paths.weights(config.scale, key), options, why_not(config, key)),
        train=lambda: Family(config, key, options.continue_from),
        take=lambda new: _take(config, key, new),
        network=entry["network"]["name"],
    )


def _take(config: Config, key: str, target: Path) -> dict[str, dict]:
    """Fill a folder with published or released weights, and say where each comes from."""
    from redenoise.training.imports import import_family  # here: what reads the files of others takes a training longer

    entry = config.entry("train", key)
    return import_family(key, entry, paths.data(config.scale, entry["weights"]), target)


def why_not(config: Config, key: str) -> str | None:
    """Why this scale can make no weights of a family, or None."""
    entry = config.entry("train", key)
    if config.settings["published_weights"] or entry.get("fitted"):
        if not entry["published"]:
            return f"no weights of {key} are published or released yet, and scale {config.scale} does not train"
        return unavailable_reason(paths.data(config.scale, entry["weights"]))
    if key in config.settings["training"].get("leaves_out", []):
        return f"scale {config.scale} leaves the training of {key} out"
    needed = (entry["data"], entry["validation"])
    reasons = (unavailable_reason(paths.data(config.scale, name)) for name in needed)
    return next(filter(None, reasons), None)
