"""One family of networks, trained: what its entry, the schedule and the scale say, put together into a run."""

import csv
import io
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import CARD, checked_path, read_index
from redenoise.dag.references import noise_ranges
from redenoise.measure.torch_mode import device, device_name, set_mode
from redenoise.models import denoisers
from redenoise.models.weights import load_network, load_state, save_network
from redenoise.support.errors import UserError, choices
from redenoise.support.files import read_image, read_json, sha256_file, sha256_path, write_text
from redenoise.support.locks import exclusive_all, model_locks
from redenoise.training.patches import Patches
from redenoise.training.run import Member, Run
from redenoise.training.schedule import schedule_for
from redenoise.training.step import Learner
from redenoise.training.validation import Validation

CURVE_COLUMNS = ("step", "learning_rate", "training_psnr", "validation_psnr")
# The code that the numbers of a training depend on, besides the network's own file.
DETERMINING = ("patches.py", "schedule.py", "step.py")


class Family:
    """The trained networks of one family at one scale.

    Args:
        config: the configuration.
        key: name of the family.
        continue_from: released weights to start from where a model has no checkpoint, or None.
    """

    def __init__(self, config: Config, key: str, continue_from: Path | None = None) -> None:
        entry = config.entry("train", key)
        training, override = config.settings["training"], config.settings["network"] or {}
        self.config, self.key, self.entry, self.continue_from = config, key, entry, continue_from
        self.mode, self.seed = training["mode"], config.params["seed"]
        self.schedule_name, self.schedule = schedule_for(config.params, training, entry)
        name = entry["network"]["name"]
        # With all defaults: one that changes later must not change what stored weights mean.
        self.options = denoisers.full_spec({**entry["network"], **self.schedule.network, **override.get(name, {})})
        self.device = device()
        set_mode(self.mode, config.settings["threads"])
        self.members: list[Member] = []

    @property
    def device_name(self) -> str:
        """The processor or GPU that trains."""
        return device_name(self.device)

    @staticmethod
    def checkpoints(config: Config, key: str) -> Path:
        """Folder of a family's checkpoints, outside the declared outputs."""
        return paths.checkpoints(config.scale, key)

    @staticmethod
    def clean_up(config: Config, key: str) -> None:
        """Remove the checkpoints of a family whose weights are stored."""
        shutil.rmtree(Family.checkpoints(config, key), ignore_errors=True)

    def train(self, models: list[str], checkpoint_seconds: float | None = None) -> None:
        """Train some models of the family to the end of the schedule; see `Run.finish` for what can go wrong."""
        ranges = noise_ranges(self.entry)
        for model in models:
            if model not in ranges:
                raise UserError(f"families.{self.key} has no model {model!r}; {choices(model, ranges)}")
        with exclusive_all(model_locks(self.config, "train", self.key, models)):
            self._train(models, ranges, checkpoint_seconds)

    def _train(
        self, models: list[str], ranges: dict[str, list[float]], checkpoint_seconds: float | None = None
    ) -> None:
        images = self._images(self.entry["data"])
        patches = Patches(images, self.schedule.patch, self.schedule.batch, self.device, self.key)
        validation = Validation(self._images(self.entry["validation"]), self.seed, self.device)
        self.members = [self._member(model, ranges[model]) for model in models]
        run = Run(self.key, self.members, patches, validation, self.schedule, self.seed, checkpoint_seconds)
        for member in self.members:
            member.history["device"] = self.device_name
        run.finish()

    def store(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Write the weights and the learning curve of every trained model, and return how each was trained."""
        origins = {}
        for member in self.members:
            origins[member.name] = card = describe(member.key, member.history, member.step)
            network = as_stored(member.learner.result)
            save_network(
                folder / f"{member.name}.safetensors", network, denoisers.stored_spec(self.options), card["origin"]
            )
            write_curve(folder / f"{member.name}.curve.csv", member.history["curve"])
        return origins

    def key_of(self, sigma_range: list[float]) -> dict[str, Any]:
        """Everything of the configuration, data and code that the numbers of a training depend on."""
        here = Path(__file__).parent
        code = [here / name for name in DETERMINING]
        code.append(Path(denoisers.__file__).parent / f"{self.options['name']}.py")
        return training_key(self, self.options, sigma_range, paths.data(self.config.scale, self.entry["data"]), code)

    def _member(self, model: str, sigma_range: list[float]) -> Member:
        torch.manual_seed(self.seed)  # of the initial weights
        learner = Learner(denoisers.build(self.options), sigma_range, self.schedule, self.mode, self.device)
        checkpoint = self.checkpoints(self.config, self.key) / f"{model}.safetensors"
        member = Member(model, learner, checkpoint, self.key_of(sigma_range))
        if self.continue_from and not checkpoint.exists():
            continue_released(member, self.continue_from)
        return member

    def _images(self, key: str) -> list:
        folder = paths.data(self.config.scale, key)
        gray = self.options["channels"] == 1
        return [read_image(checked_path(folder, row), gray) for row in read_index(folder)]


def training_key(
    training: Any, network: dict[str, Any], sigma_range: list[float], data: Path, code: list[Path]
) -> dict[str, Any]:
    """What the numbers of any training depend on, for its checkpoints.

    Args:
        training: has `schedule`, `schedule_name`, `seed`, `mode`, `device` and `config`, as `Family`.
        network: its options, all of them.
        data: folder of the training images.
        code: files that determine the numbers.
    """
    return {
        "network": network,
        "schedule": {"name": training.schedule_name, **asdict(training.schedule)},
        "sigma_range": sigma_range,
        "seed": training.seed,
        "mode": training.mode,
        "device": training.device.type,
        # The order of summation matters where the same bits are promised.
        "threads": training.config.settings["threads"] if training.mode == "reference" else "any",
        "data": sha256_path(data),
        "code": {path.name: sha256_file(path) for path in code},
        "torch": torch.__version__,
    }


def describe(key: dict[str, Any], history: dict[str, Any], step: int) -> dict[str, Any]:
    """How a model was trained, for provenance and for the card of a release.

    Args:
        key: of `Family.key_of`, or read from a checkpoint.
        history: of `Member`.
        step: updates done.
    """
    name, steps = key["schedule"]["name"], key["schedule"]["steps"]
    facts = {field: key[field] for field in ("network", "sigma_range", "mode", "seed", "data", "torch")}
    return {
        **facts,
        "origin": f"trained, schedule {name}, {step} of {steps} steps, mode {key['mode']}",
        "schedule": name,
        "steps": steps,
        "steps_done": step,
        "hours": round(history["seconds"] / 3600.0, 3),
        "restarts": history["restarts"],
        "curve": history["curve"],
        "device": history["device"],
    }


def as_stored(network: torch.nn.Module) -> torch.nn.Module:
    """A trained network in evaluation mode; one that can merge its batch normalisation does, as published ones come."""
    network = network.eval()
    return network.folded() if hasattr(network, "folded") else network


def write_curve(path: Path, curve: list[list]) -> None:
    """A learning curve as CSV: `CURVE_COLUMNS`, dB with four decimals, validation empty where there was none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for step, rate, training, validated in curve:
        writer.writerow([step, f"{rate:.6g}", f"{training:.4f}", "" if validated is None else f"{validated:.4f}"])
    write_text(path, stream.getvalue())


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
