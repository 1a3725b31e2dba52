"""Tiny networks, patches and runs, and a demo project cut down to seconds, for the tests of training."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index
from redenoise.data.images import write_png
from redenoise.models.denoisers.multiscale import MultiScale
from redenoise.support.files import sha256_file, write_text
from redenoise.training.patches import Patches
from redenoise.training.run import Member, Run
from redenoise.training.schedule import Schedule
from redenoise.training.step import Learner
from redenoise.training.validation import Validation

INDEX = ("id", "path", "height", "width", "split", "label", "sha256")
CPU = torch.device("cpu")
SCHEDULE = {
    "steps": 8, "batch": 3, "patch": 16, "optimizer": "adamw", "learning_rate": 2e-3, "curve": "cosine",
    "weight_decay": 1e-2, "average": 0.9, "log_every": 3, "validate_every": 6,
}  # fmt: skip


def options(**changes: Any) -> argparse.Namespace:
    """Command line of the train stage."""
    return argparse.Namespace(**{"model": None, "continue_from": None, "checkpoint_seconds": 60.0, **changes})


def schedule(**changes: Any) -> Schedule:
    return Schedule(**{**SCHEDULE, **changes})


def pictures(count: int = 3, channels: int = 1) -> list[np.ndarray]:
    """Smooth uint8 images of different sizes."""
    draw = np.random.default_rng(channels)
    found = []
    for index in range(count):
        rows, columns = np.mgrid[: 30 + 5 * index, : 36 - 3 * index]
        planes = [100 + 60 * np.sin(rows * draw.uniform(0.1, 0.4) + columns * draw.uniform(0.1, 0.4))] * channels
        found.append(np.squeeze(np.stack(planes, axis=-1) + draw.uniform(0, 40, channels)).astype(np.uint8))
    return found


def network(seed: int = 0, **changes: Any) -> MultiScale:
    torch.manual_seed(seed)
    return MultiScale(**{"channels": 1, "scales": 2, "divisor": 16, **changes})


def learner(entry: Schedule, sigma: float = 25, mode: str = "reference", **changes: Any) -> Learner:
    return Learner(network(**changes), (sigma, sigma), entry, mode, CPU)


def patches(entry: Schedule) -> Patches:
    return Patches(pictures(), entry.patch, entry.batch, CPU, "test")


def member(folder: Path, name: str, entry: Schedule, mode: str = "reference") -> Member:
    """A network for the noise level in its name, such as `sigma25`, that has not learned yet."""
    sigma = float(name.removeprefix("sigma"))
    return Member(name, learner(entry, sigma, mode), folder / f"{name}.safetensors", {"sigma": sigma})


def run_of(folder: Path, names: tuple[str, ...], entry: Schedule, mode: str = "reference", seconds: float = 1e9) -> Run:
    """A run on the same patches and validation every time, that goes on from the checkpoints in `folder`."""
    members = [member(folder, name, entry, mode) for name in names]
    validation = Validation(pictures(2), 0, CPU)
    return Run("test", members, patches(entry), validation, entry, 0, seconds)


def outcome(run: Run) -> dict[str, tuple]:
    """The bytes in which every network of a run has ended, and its learning curve."""
    found = {}
    for one in run.members:
        states = (one.learner.network.state_dict(), one.learner.result.state_dict())
        tensors = {name: value.numpy().tobytes() for state in states for name, value in state.items()}
        found[one.name] = (one.step, tensors, one.history["curve"])
    return found


def make_images(key: str, shape: tuple[int, ...], count: int = 2) -> None:
    """A `download` node's folder with random smooth images."""
    folder = paths.data("demo", key)
    draw = np.random.default_rng(len(key))
    rows = []
    for index in range(count):
        ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * draw.uniform(0.5, 1.5)
        image = (ramp[..., None] + draw.uniform(0, 60, shape[2:] or (1,))).clip(0, 255).astype(np.uint8)
        image = image if len(shape) == 3 else image[..., 0]
        path = folder / f"image{index}.png"
        write_png(path, image)
        size = {"height": shape[0], "width": shape[1], "split": "test", "label": ""}
        rows.append({"id": f"image{index}", "path": path.name, "sha256": sha256_file(path), **size})
    write_index(folder, INDEX, rows)


def change_scale(**changes: Any) -> Config:
    """Replace keys of the demo scale's file, dicts key by key; returns the configuration."""
    path = Path("workflow/scales/demo.yaml")
    scale = yaml.safe_load(path.read_text())
    for name, value in changes.items():
        scale[name] = {**scale[name], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(scale))
    return load_config("demo")


def shrink(networks: dict[str, dict]) -> None:
    """Replace miniatures of params.yaml."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["miniatures"] |= networks
    Path("params.yaml").write_text(yaml.safe_dump(params))


def small_demo(**training: Any) -> Config:
    """The demo scale of a scratch project cut down to seconds, with the data of some families in place."""
    make_images("set12", (40, 36))
    make_images("train400", (48, 48), count=3)
    make_images("kodak", (40, 36, 3))
    make_images("cbsd432", (48, 48, 3), count=3)
    downloads = load_config("demo").params["downloads"]
    for key in (*(key for key, entry in downloads.items() if entry["kind"] == "weights"), paths.RELEASED):
        write_index(paths.data("demo", key), INDEX, [])
    for pair in load_config("demo").keys("leakage"):
        write_text(paths.checked("demo", pair), "")
    widths = {"dncnn": {"depth": 3, "width": 4}, "ffdnet": {"depth": 3, "width": 4}, "multiscale": {"divisor": 16}}
    short = {"steps": 4, "batch": 2, "patch": 16, "log_every": 2, "validate_every": 2}
    shrink(widths)
    return change_scale(training={**short, **training})
