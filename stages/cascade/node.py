"""Denoisers trained through a frozen task network: `python -m stages.cascade [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/cascades/<key>/sigma<level>.safetensors`, as of a family of denoisers. All noise levels of a
cascade train together and share the task network and its images.
"""

import argparse
from pathlib import Path

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import MISSING, unavailable_reason
from redenoise.training.imports import import_family
from redenoise.training.node import make
from stages.cascade.training import Cascade


def run(config: Config, key: str, options: argparse.Namespace) -> None:
    """Make the denoisers of one cascade."""
    entry = config.entry("cascade", key)
    initial, released = config.entry("train", entry["initial"]), paths.data(config.scale, paths.RELEASED)
    make(
        *(config, "cascade", key, paths.cascade(config.scale, key), options, why_not(config, key)),
        train=lambda: Cascade(config, key),
        take=lambda new: import_family(key, {**entry, "network": config.network(initial)}, released, new),
        network=initial["network"]["name"],
    )


def needed(config: Config, entry: dict) -> list[Path]:
    """Folders that a training of a cascade reads."""
    return [
        paths.labelled(config.scale, entry["data"]),
        paths.task(config.scale, entry["task"]),
        paths.weights(config.scale, entry["initial"]),
    ]


def why_not(config: Config, key: str) -> str | None:
    """Why this scale can make no weights of a cascade, or None."""
    entry = config.entry("cascade", key)
    if config.settings["published_weights"]:
        if entry.get("published"):
            return None
        return f"no weights of {key} are released yet, and scale {config.scale} does not train"
    for folder in needed(config, entry):
        if reason := unavailable_reason(folder):
            return reason
    initial = paths.weights(config.scale, entry["initial"])
    if (initial / MISSING).exists():
        return f"{entry['initial']} lacks weights for some noise levels"
    return None
