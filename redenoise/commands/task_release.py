"""The network of a task on its way into `weights/`: stored, and measured by the code of the recognitions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redenoise.commands.storing import completed, stored
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.data.labelled import read_labelled
from redenoise.measure.torch_mode import device, set_mode
from redenoise.models import recognizers
from redenoise.models.weights import save_network
from redenoise.recognition.denoisers import Nothing
from redenoise.recognition.node import summary, title
from redenoise.recognition.outcomes import Subject, compute, parts_of
from redenoise.support.errors import UserError, choices
from redenoise.support.progress import progress

MODEL = "model"  # name of the one network of a task
HIGHEST_COST = 0.05  # points of the measure on the first set; 16 bits that cost as much are too few
MEASURES = {"classification": "top1", "segmentation": "miou"}  # in %, what a network of a task is worth
ABOUT = (
    "Of high-level tasks, with what they score in % on clean images of a whole set. Weights are stored in 16 bits\n"
    f"where that costs less than {HIGHEST_COST} points of mIoU, or of top-1 accuracy, on the first set (`cost`)."
)
NAMES = {"top1": "top-1", "top5": "top-5", "miou": "mIoU"}  # of what weights/README.md shows
Scores = dict[str, dict[str, float]]  # by set and metric


def store_whole(network: torch.nn.Module, card: dict[str, Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write the network of a task into a folder as it is, where no set is at hand to measure it on; as `store`."""
    path = folder / f"{card['family']}-{card['model']}.new"
    save_network(path, network, recognizers.stored_spec(card["network"]), card["origin"])
    return path, completed(card, path, network, "float32", 0.0)


def store(
    config: Config, key: str, network: torch.nn.Module, card: dict[str, Any], folder: Path, sets: Sequence[str] | None
) -> tuple[Path, dict[str, Any]]:
    """Write the network of a task into a folder, in 16 bits if that costs next to nothing on the first set.

    Args:
        card: how it was trained.
        sets: entries of `labelled` to measure it on, clean; None for the validation part of what it was trained on.

    Returns:
        The path, which is not yet that of a release, and the card, with what the stored network scores on the sets.

    Raises:
        UserError: a set is not there or of the other kind, or there is none.
    """
    path, spec = folder / f"{key}-{MODEL}.new", recognizers.stored_spec(card["network"])
    sets = validation(config, key) if sets is None else sets
    if not sets:
        data = config.entry("task", key)["data"]
        raise UserError(f"tasks.{key}: no set to measure it on, {data} has no part `val`; name one with --on")
    found: list[Scores] = []

    def quality(candidate: recognizers.TaskNetwork) -> float:
        found.append(measure(config, key, candidate, sets))
        return next(iter(found[-1].values()))[MEASURES[candidate.kind]]

    card = {**card, "family": key, "model": MODEL}
    card = stored(path, network, spec, card, recognizers.build, quality, HIGHEST_COST, "points")
    return path, {**card, "scores": found[-1] if card["precision"] == "float16" else found[0]}


def validation(config: Config, key: str) -> list[str]:
    """Entries of `labelled` that are the validation part of what a task is trained on."""
    known = config.params["labelled"]
    source = known[config.entry("task", key)["data"]]["source"]
    return [name for name, entry in known.items() if (entry["source"], entry["split"]) == (source, "val")]


def measure(config: Config, key: str, network: recognizers.TaskNetwork, sets: Sequence[str]) -> Scores:
    """Accuracies in %, their 95 % intervals and the number of images, of the network of a task on clean images.

    Raises:
        UserError: a set is unknown, not there or of the other kind.
    """
    set_mode("reference", config.settings["threads"])
    network = network.to(device()).to(memory_format=torch.channels_last)
    task, real = config.entry("task", key), config.settings["real_data"]
    resize, crop = (task.get(name) if real else None for name in ("resize", "crop"))
    known = [name for name, entry in config.params["labelled"].items() if entry["task"] == network.kind]
    found = {}
    for name in sets:
        if name not in known:
            raise UserError(f"--on {name!r}: no entry of `labelled` for {network.kind}; {choices(name, known)}")
        folder = paths.labelled(config.scale, name)
        if reason := unavailable_reason(folder):
            raise UserError(f"{folder}: no images to measure {key} on: {reason}")
        subject = Subject(read_labelled(folder), name, config.params["seed"], resize, crop, network, device(), {})
        parts = parts_of(subject.examples, [None], config.settings["part"])
        arrays = [compute(subject, Nothing(), part) for part in progress(parts, len(parts), f"measure {name}", "part")]
        outcome = {"outcome": np.concatenate([part["outcome"] for part in arrays])}
        found[title(config, {"data": name})] = {
            metric: round(value, 4) for metric, _, value in summary(subject, outcome)
        }
    return found


def shown(card: dict[str, Any]) -> str:
    """The scores of a card for weights/README.md."""
    parts = (
        f"{name}: " + ", ".join(f"{text} {values[metric]:.2f}" for metric, text in NAMES.items() if metric in values)
        for name, values in card["scores"].items()
    )
    return "; ".join(parts)
