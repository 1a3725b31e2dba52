"""Denoisers trained through a frozen task network: `python -m stages.cascade [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/cascades/<key>/sigma<level>.safetensors`, as of a family of denoisers. All noise levels of a
cascade train together and share the task network and its images.
"""

import argparse
from pathlib import Path
from typing import Any

from stages import networks, tasks
from stages.cascade.learner import JointLearner
from stages.cascade.losses import Weights
from stages.cascade.training import Training
from stages.common import config, paths, provenance
from stages.common.errors import UserError, choices, run_cli
from stages.common.files import renewed, sha256_file
from stages.common.indexed import MISSING, unavailable_reason, write_unavailable
from stages.common.locks import exclusive_all, model_locks
from stages.common.references import noise_ranges
from stages.networks.weights import load_network, save_network
from stages.tasks.stored import load_task, task_spec
from stages.train.family import as_stored, describe, write_curve
from stages.train.imports import import_family
from stages.train.run import CHECKPOINT_SECONDS, Member


class Cascade(Training):
    """The denoisers of one cascade at one scale."""

    def __init__(self, settings: config.Config, key: str) -> None:
        super().__init__(settings, "cascade", key)
        self.task = load_task(settings, self.entry["task"])
        self.weights = Weights(*(self.entry[name] for name in ("reconstruction", "range", "perceptual", "high_level")))
        self.members: list[Member] = []

    def train(self, models: list[str], checkpoint_seconds: float) -> None:
        """Train some of the denoisers to the end of the schedule; see `Run.finish` for what can go wrong."""
        ranges = noise_ranges(self.entry)
        for model in models:
            if model not in ranges:
                raise UserError(f"cascades.{self.key} has no model {model!r}; {choices(model, ranges)}")
        with exclusive_all(model_locks(self.settings, "cascade", self.key, models)):
            self.members = [self._member(model, ranges[model]) for model in models]
            self.run(self.members, checkpoint_seconds)

    def store(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Write the weights and the learning curve of every denoiser, and return how each was trained."""
        cards = {}
        for member in self.members:
            cards[member.name] = card = describe(member.key, member.history, member.step)
            path = folder / f"{member.name}.safetensors"
            spec = networks.stored_spec(member.key["network"])
            save_network(path, as_stored(member.learner.result), spec, card["origin"])
            write_curve(folder / f"{member.name}.curve.csv", card["curve"])
        return cards

    def _member(self, model: str, sigma_range: list) -> Member:
        initial = paths.weights(self.settings.scale, self.entry["initial"]) / f"{model}.safetensors"
        network, spec = load_network(initial)
        learner = JointLearner(
            network, sigma_range, self.schedule, self.mode, self.device, task=self.task, weights=self.weights
        )
        task = paths.task(self.settings.scale, self.entry["task"]) / "model.safetensors"
        root = Path(networks.__file__).parents[1]
        task_name = task_spec(self.settings, self.entry["task"])["name"]
        sources = [root / "networks" / f"{spec['name']}.py", Path(tasks.__file__).parent / f"{task_name}.py"]
        key = self.key_of(
            spec,
            sigma_range,
            sources,
            losses=vars(self.weights),
            initial=sha256_file(initial),
            task=sha256_file(task),
        )
        return Member(model, learner, self.checkpoints / f"{model}.safetensors", key)


def cascade(settings: config.Config, key: str, options: argparse.Namespace) -> None:
    """Make the denoisers of one cascade."""
    entry = settings.entry("cascade", key)
    released = paths.data(settings.scale, paths.RELEASED)
    target = paths.cascade(settings.scale, key)
    models = list(noise_ranges(entry))
    if options.model:
        if reason := why_not(settings, key):
            raise UserError(f"--model {options.model}: {reason}; provide what is missing first")
        Cascade(settings, key).train([options.model], options.checkpoint_seconds)
        return
    training = None
    inputs = [*needed(settings, entry), released]
    with provenance.recorded(settings, "cascade", key, inputs, [target]) as record, renewed(target) as new:
        reason = why_not(settings, key)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        elif settings.settings["published_weights"]:
            network = settings.entry("train", entry["initial"])["network"]
            network = {**network, **(settings.settings["network"] or {}).get(network["name"], {})}
            record["models"] = import_family(key, {**entry, "network": network}, released, new)
        else:
            training = Cascade(settings, key)
            training.train(models, options.checkpoint_seconds)
            record["models"] = training.store(new)
            record |= {"device": training.device_name, "mode": training.mode}
    if training:
        training.clean_up()


def needed(settings: config.Config, entry: dict) -> list[Path]:
    """Folders that a training of a cascade reads."""
    return [
        paths.labelled(settings.scale, entry["data"]),
        paths.task(settings.scale, entry["task"]),
        paths.weights(settings.scale, entry["initial"]),
    ]


def why_not(settings: config.Config, key: str) -> str | None:
    """Why this scale can make no weights of a cascade, or None."""
    entry = settings.entry("cascade", key)
    if settings.settings["published_weights"]:
        if entry.get("published"):
            return None
        return f"no weights of {key} are released yet, and scale {settings.scale} does not train"
    for folder in needed(settings, entry):
        if reason := unavailable_reason(folder):
            return reason
    initial = paths.weights(settings.scale, entry["initial"])
    if (initial / MISSING).exists():
        return f"{entry['initial']} lacks weights for some noise levels"
    return None


def main() -> None:
    """Command line of the stage."""
    parser = config.stage_parser("cascade", "Train denoisers through the frozen networks of the high-level tasks.")
    parser.add_argument("--model", help="train this denoiser of the cascade alone, and leave it as a checkpoint")
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS, metavar="S")
    arguments = parser.parse_args()
    if arguments.model and not arguments.only:
        raise UserError("--model is for one cascade; add --only KEY, the cascade's name in params.yaml")
    settings = config.load(arguments.scale)
    for key in [arguments.only] if arguments.only else settings.keys("cascade"):
        cascade(settings, key, arguments)


if __name__ == "__main__":
    run_cli(main)
