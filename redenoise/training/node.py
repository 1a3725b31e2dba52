"""The training of one node: its entry, the schedule and the scale put together into a run, and where its state is."""

import argparse
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from redenoise.dag import paths, provenance
from redenoise.dag.code import note_code
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_unavailable
from redenoise.dag.levels import noise_ranges
from redenoise.measure.torch_mode import device, device_facts, named, precision, set_mode
from redenoise.models import denoisers
from redenoise.models.weights import save_network
from redenoise.support.errors import UserError, choices, enough_memory
from redenoise.support.files import renewed, sha256_file, sha256_path
from redenoise.support.locks import exclusive_all
from redenoise.training.card import as_stored, describe, write_curve
from redenoise.training.checkpoint import save_result
from redenoise.training.patches import Source
from redenoise.training.run import Member, Run
from redenoise.training.schedule import schedule_for
from redenoise.training.validation import Validation

# Of each stage that trains: its section of the scale's file, and what its entries are called in params.yaml.
SECTIONS = {"train": ("training", "families"), "task": ("tasks", "tasks"), "cascade": ("cascades", "cascades")}


def make(
    config: Config, stage: str, key: str, target: Path, options: argparse.Namespace, why_not: str | None,
    train: Callable[[], "Training"], take: Callable[[Path], dict[str, dict]], network: str,
) -> None:  # fmt: skip
    """Make the weights of one family or cascade: taken as they are at a scale that does not train, else trained.

    With `--model`, train this model alone, and leave it as a checkpoint.

    Args:
        why_not: why this scale can make none, or None.
        train: makes the training.
        take: fills a folder with published or released weights, and says where each comes from.
        network: name of its module.
    """
    published = config.settings["published_weights"] or config.entry(stage, key).get("fitted", False)
    training = None
    if options.model:
        if reason := f"scale {config.scale} imports its weights and does not train" if published else why_not:
            raise UserError(f"--model {options.model}: {reason}; choose a scale that trains, such as --scale modern")
        train().train([options.model], options.checkpoint_seconds)
        return
    with provenance.recorded(config, stage, key) as record, renewed(target) as new:
        if why_not:
            write_unavailable(new, why_not)
            record["unavailable"] = why_not
            return
        if published:
            record["models"] = take(new)
        else:
            training = train()
            training.train(list(noise_ranges(training.entry)), options.checkpoint_seconds)
            record["models"] = training.store(new)
            record |= training.facts
        note_code(new, denoisers.source(network))
    if training:
        training.keep_results()


class Training(ABC):
    """The networks that one node trains at one scale.

    Args:
        config: the configuration.
        stage: `train`, `task` or `cascade`.
        key: name of the node.
    """

    def __init__(self, config: Config, stage: str, key: str) -> None:
        self.config, self.stage, self.key = config, stage, key
        self.entry = config.entry(stage, key)
        changes = config.settings[SECTIONS[stage][0]]
        self.mode, self.seed = changes["mode"], config.params["seed"]
        self.schedule_name, self.schedule = schedule_for(config.params, changes, self.entry)
        self.device = device()
        set_mode(self.mode, config.settings["threads"])
        self.members: list[Member] = []
        self.hashes: dict[Path, str] = {}  # of the training images, which the members share

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of where and how it computed."""
        return {**device_facts(self.device), "mode": named(self.mode, self.device)}

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, outside the declared outputs."""
        return paths.checkpoints(self.config.scale, self.key if self.stage == "train" else f"{self.stage}-{self.key}")

    @abstractmethod
    def images(self) -> tuple[Source, Validation | None]:
        """Where the batches come from, and what is validated on."""

    @abstractmethod
    def member(self, model: str, sigma_range: list[float]) -> Member:
        """One model, ready to be trained."""

    def train(self, models: list[str], checkpoint_seconds: float | None = None) -> None:
        """Train some models of the node to the end of the schedule; other processes may train the others.

        Raises:
            UserError: the node has no such model; see also `Run.finish`.
        """
        ranges = noise_ranges(self.entry)
        for model in models:
            if model not in ranges:
                line = f"{SECTIONS[self.stage][1]}.{self.key} has no model {model!r}"
                raise UserError(f"{line}; {choices(model, ranges)}")
        with exclusive_all(self.locks(models)):
            source, validation = self.images()
            self.members = [self.member(model, ranges[model]) for model in models]
            self.finish(source, validation, checkpoint_seconds)

    def locks(self, models: Iterable[str]) -> list[tuple[Path, str]]:
        """What a process holds that trains some models, as `exclusive_all` takes it."""
        names = [f"{self.stage} {self.key} {model}" for model in models]
        return [(paths.lock(self.config.scale, name.replace(" ", "-")), name) for name in names]

    def finish(
        self,
        source: Source,
        validation: Validation | None,
        checkpoint_seconds: float | None = None,
        deadline: float = math.inf,
        others: Sequence["Training"] = (),
    ) -> None:
        """Train every member to the schedule's end, or until a deadline; see `Run` and `Run.finish`.

        Args:
            others: trainings of the same images and schedule, whose members train in the same steps.
        """
        if self.mode == "fast" and precision(self.mode, self.device) != "bf16":
            line = f"{self.stage} {self.key}: mode fast computes in fp32, this processor has no instructions for bf16"
            print(line, file=sys.stderr, flush=True)
        members = [member for training in (self, *others) for member in training.members]
        run = Run(self.key, members, source, validation, self.schedule, self.seed, checkpoint_seconds, deadline)
        for member in members:
            member.history["device"] = device_facts(self.device)["device"]
        batch = f"{self.stage} {self.key}, batch {self.schedule.batch} of {self.schedule.patch} pixels a side"
        with enough_memory(batch, "lower `batch` or `patch` of its schedule in params.yaml, or run fewer jobs at once"):
            run.finish()

    def store(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Write the weights and the learning curve of every trained denoiser, and return how each was trained."""
        cards = {}
        for member in self.members:
            cards[member.name] = card = describe(member.key, member.history, member.step)
            network, spec = as_stored(member.learner.result), denoisers.stored_spec(member.key["network"])
            save_network(folder / f"{member.name}.safetensors", network, spec, card["origin"])
            write_curve(folder / f"{member.name}.curve.csv", card["curve"])
        return cards

    def key_of(self, network: dict[str, Any], sigma_range: list[float], data: Path, code: list[Path]) -> dict[str, Any]:
        """Everything of the configuration, data and code that the numbers of a training depend on.

        Args:
            network: its options, all of them.
            data: folder of the training images.
            code: files that determine the numbers.
        """
        if data not in self.hashes:
            self.hashes[data] = sha256_path(data)
        return {
            "network": network,
            "schedule": {"name": self.schedule_name, **asdict(self.schedule)},
            "sigma_range": sigma_range,
            "seed": self.seed,
            "mode": named(self.mode, self.device),
            "device": self.device.type,
            # The order of summation matters where the same bits are promised.
            "threads": self.config.settings["threads"] if self.mode == "reference" else "any",
            "data": self.hashes[data],
            "code": {path.name: sha256_file(path) for path in code},
            "torch": torch.__version__,
        }

    def keep_results(self) -> None:
        """Reduce the checkpoints of a node whose weights are stored to what they ended in."""
        for member in self.members:
            save_result(member.finished, member.learner, member.key, member.history)
            member.checkpoint.unlink(missing_ok=True)
