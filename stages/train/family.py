"""One family of networks, trained on patches of photographs."""

from pathlib import Path

import numpy as np
import torch

from redenoise.dag import paths
from redenoise.dag.code import code_files
from redenoise.dag.config import ROOT, Config
from redenoise.dag.indexed import CARD, checked_path, read_index
from redenoise.dag.references import varied
from redenoise.data.images import read_image
from redenoise.models import denoisers
from redenoise.models.weights import load_network, load_state
from redenoise.support.files import read_json
from redenoise.training.node import Training
from redenoise.training.patches import Patches
from redenoise.training.run import Member
from redenoise.training.step import Learner
from redenoise.training.validation import Validation

# The code that the numbers of a training depend on, besides the network's own file.
DETERMINING = [ROOT / "redenoise/training" / name for name in ("patches.py", "schedule.py", "step.py")]


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

    def images(self) -> tuple[Patches, Validation]:
        """Patches of the training images, and the set to validate on."""
        images = self._read(self.entry["data"])
        patches = Patches(images, self.schedule.patch, self.schedule.batch, self.device, self.key)
        return patches, Validation(self._read(self.entry["validation"]), self.seed, self.device)

    def member(self, model: str, sigma_range: list[float]) -> Member:
        """One model with random weights, or the released ones to start from."""
        options = {**self.options, **self.varied[model]}
        torch.manual_seed(self.seed)  # of the initial weights
        learner = Learner(denoisers.build(options), sigma_range, self.schedule, self.mode, self.device)
        checkpoint = self.checkpoints / f"{model}.safetensors"
        code = [*DETERMINING, *code_files(denoisers.source(options["name"]))]
        data = paths.data(self.config.scale, self.entry["data"])
        member = Member(model, learner, checkpoint, self.key_of(options, sigma_range, data, code))
        if self.continue_from and not checkpoint.exists():
            continue_released(member, self.continue_from)
        return member

    def _read(self, key: str) -> list[np.ndarray]:
        folder = paths.data(self.config.scale, key)
        gray = self.options["channels"] == 1
        return [read_image(checked_path(folder, row), gray) for row in read_index(folder)]


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
