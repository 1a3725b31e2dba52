"""Denoisers trained through a frozen task network: `python -m stages.cascade [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/cascades/<key>/sigma<level>.safetensors`, as of a family of denoisers. All noise levels of a
cascade train together and share the task network and its images.
"""

import argparse
from pathlib import Path

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import MISSING, unavailable_reason
from redenoise.joint.learner import JointLearner
from redenoise.joint.losses import Weights
from redenoise.joint.training import LabelledTraining
from redenoise.models import denoisers, recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.stored import load_task, task_spec
from redenoise.support.files import sha256_file
from redenoise.training.imports import import_family
from redenoise.training.node import make
from redenoise.training.run import Member


class Cascade(LabelledTraining):
    """The denoisers of one cascade at one scale."""

    def __init__(self, config: Config, key: str) -> None:
        super().__init__(config, "cascade", key)
        self.task = load_task(config, self.entry["task"])
        self.weights = Weights(*(self.entry[name] for name in ("reconstruction", "range", "perceptual", "high_level")))

    def member(self, model: str, sigma_range: list[float]) -> Member:
        """One denoiser, which starts from the one of its family."""
        initial = paths.weights(self.config.scale, self.entry["initial"]) / f"{model}.safetensors"
        network, spec = load_network(initial)
        learner = JointLearner(
            network, sigma_range, self.schedule, self.mode, self.device, task=self.task, weights=self.weights
        )
        task, name = self.entry["task"], task_spec(self.config, self.entry["task"])["name"]
        key = self.labelled_key(
            spec,
            sigma_range,
            [denoisers.source(spec["name"]), recognizers.source(name)],
            losses=vars(self.weights),
            initial=sha256_file(initial),
            task=sha256_file(paths.task(self.config.scale, task) / "model.safetensors"),
        )
        return Member(model, learner, self.checkpoints / f"{model}.safetensors", key)


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
