"""One family of networks, trained on patches of photographs."""

from pathlib import Path

import numpy as np
import torch

from redenoise.dag import paths
from redenoise.dag.code import code_files
from redenoise.dag.config import ROOT, Config
from redenoise.dag.indexed import CARD, checked_path, read_index
from redenoise.dag.levels import against_noise, level_ranges, noise_ranges, varied
from redenoise.data.images import read_image
from redenoise.measure import degradations
from redenoise.models import denoisers
from redenoise.models.weights import load_network, load_state
from redenoise.support.files import read_json, sha256_file
from redenoise.training.degraded import FINENESS, Degrader, RestoredValidation, Restorer, kinds
from redenoise.training.node import Training
from redenoise.training.patches import Patches
from redenoise.training.run import Member
from redenoise.training.step import Learner
from redenoise.training.validation import Validation

# The code that the numbers of a training depend on, besides the network's own file.
DETERMINING = [ROOT / "redenoise/training" / name for name in ("patches.py", "schedule.py", "step.py")]
RESTORING = ROOT / "redenoise/training/degraded.py"


class Family(Training):
    """The networks of one family at one scale.

    Args:
        config: the configuration.
        key: name of the family.
        continue_from: released weights to start from where a model has no checkpoint, or None.
    """

    def __init__(self, config: Config, key: str, continue_from: Path | None = None) -> None:
        super().__init__(config, "train", key)
        self.continue_from = continue_from
        network = {**self.entry["network"], **self.schedule.network, **config.smaller(self.entry)}
        # With all defaults: one that changes later must not change what stored weights mean.
        self.options = denoisers.full_spec(network)
        self.varied = varied(self.entry)
        self.restores = bool(level_ranges(self.entry))  # more than noise

    def images(self) -> tuple[Patches, Validation]:
        """Patches of the training images, and the set to validate on."""
        of_run = (self.schedule.patch, self.schedule.batch, self.device, self.key)
        if not self.restores:
            return Patches(self._read("data"), *of_run), self._validation()
        degrader, channels = self._degrader("data"), self.options["channels"]
        versions = [degrader.versions(path, image) for image, path in self._files("data").items()]
        return Patches(versions, *of_run, channels, FINENESS), self._validation()

    def _validation(self) -> Validation:
        if against_noise(self.entry):
            return Validation(self._read("validation"), self.seed, self.device)
        degrader, files = self._degrader("validation"), self._files("validation")
        clean = [degrader.clean(path) for path in files.values()]

        def degraded(number: int, level: int) -> np.ndarray:
            return degrader.degraded(clean[number], list(files)[number], level)

        watched = {high for _, high in noise_ranges(self.entry).values()}
        return RestoredValidation(clean, degraded, watched, self.seed, self.device)

    def member(self, model: str, sigma_range: list[float]) -> Member:
        """One model with random weights, or the released ones to start from."""
        options = {**self.options, **self.varied[model]}
        torch.manual_seed(self.seed)  # of the initial weights
        of_run = (denoisers.build(options), sigma_range, self.schedule, self.mode, self.device)
        learned = kinds(self.entry, sigma_range[0]) if self.restores else []
        learner = Restorer(*of_run, learned) if learned else Learner(*of_run)
        checkpoint = self.checkpoints / f"{model}.safetensors"
        code = [*DETERMINING, *code_files(denoisers.source(options["name"]))]
        data = paths.data(self.config.scale, self.entry["data"])
        key = self.key_of(options, sigma_range, data, code)
        if learned:
            ways = {"degradation": self.entry["degradation"], "kinds": [list(kind) for kind in learned]}
            degrading = [RESTORING, *code_files(degradations.source(self.entry["degradation"]))]
            key |= ways | {"code": key["code"] | {path.name: sha256_file(path) for path in degrading}}
        member = Member(model, learner, checkpoint, key)
        if self.continue_from and not checkpoint.exists():
            continue_released(member, self.continue_from)
        return member

    def _files(self, role: str) -> dict[str, Path]:
        """The files of the `data` or `validation`, by id."""
        folder = paths.data(self.config.scale, self.entry[role])
        return {row["id"]: checked_path(folder, row) for row in read_index(folder)}

    def _read(self, role: str) -> list[np.ndarray]:
        gray = self.options["channels"] == 1
        return [read_image(path, gray) for path in self._files(role).values()]

    def _degrader(self, role: str) -> Degrader:
        return Degrader(self.entry, self.seed, self.entry[role])


def continue_released(member: Member, path: Path) -> None:
    """Start a member from released weights, with an optimiser that starts anew.

    Weights for the same noise levels and schedule go on at their step of it, others at its start.
    """
    network, spec = load_network(path)
    card = read_json(path.with_suffix(".json"), dict, CARD)
    denoisers.check_same(path, spec, member.key["network"], but=("init",))
    state = network.state_dict()
    load_state(member.learner.network, state, path)
    if member.learner.averaged is not None:
        load_state(member.learner.averaged, state, path)
    same = all(card[name] == member.key["schedule"][key] for name, key in (("schedule", "name"), ("steps", "steps")))
    if not same or card["sigma_range"] != member.key["sigma_range"]:
        member.history["restarts"] = [f"started from the weights of {path.name}, step {card['steps_done']}"]
        return
    member.step = min(card["steps_done"], member.learner.schedule.steps - 1)
    restart = f"continued from the weights of {path.name} with a new optimiser at step {member.step}"
    curve = [point for point in card["curve"] if point[0] <= member.step]
    restarts = [*card["restarts"], restart]
    seconds = card["hours"] * 3600.0
    member.history = {"curve": curve, "seconds": seconds, "restarts": restarts, "began": member.step}
