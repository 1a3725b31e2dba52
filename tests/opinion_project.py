"""A tiny project with everything that the opinion test shows, and raters' files for its page."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.commands.opinion import order, ratings
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_unavailable
from redenoise.models import denoisers
from redenoise.models.filters import bm3d
from redenoise.models.weights import save_network
from stages.synthesize.node import run as synthesize
from tests.conftest import ROOT
from tests.training_project import make_images

PROPOSED = {"name": "multiscale", "channels": 3, "scales": 2, "divisor": 16}
DNCNN = {"name": "dncnn", "channels": 3, "depth": 3, "width": 4}
CASCADE = paths.cascade("demo", "segment_2020")
NOT_RELEASED = "no weights of segment_2020 are released yet"
FOLDER = Path("build/demo/opinion")


def make_project(folder: Path, patch: pytest.MonkeyPatch) -> Config:
    """Noisy sets, weights and a quick filter in the place of BM3D, in the working directory `folder`."""
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("scales", "manifests"):
        shutil.copytree(ROOT / "workflow" / name, folder / "workflow" / name)
    patch.chdir(folder)
    config = load_config("demo")
    for name, shape in (("kodak", (48, 64, 3)), ("cbsd68", (64, 48, 3))):
        make_images(name, shape, count=7)
        synthesize(config, name)
    save(paths.weights("demo", "dncnn_color"), 50, DNCNN)
    save(paths.weights("demo", "proposed"), 50, PROPOSED)
    save(paths.weights("demo", "proposed_tasks"), 45, PROPOSED)
    save(CASCADE, 45, PROPOSED)
    patch.setattr(bm3d, "version", lambda: "bm3d 4, bm4d 4")
    patch.setattr(bm3d, "denoise", lambda noisy, sigma: noisy.astype(np.float64) / 2 + 64)
    return config


def save(folder: Path, level: int, spec: dict) -> None:
    """A network with random weights for one level."""
    torch.manual_seed(level)
    save_network(folder / f"sigma{level}.safetensors", denoisers.build(spec), spec, "a test")


def without_cascade() -> None:
    """Take the cascade away, as at a scale that does not train."""
    shutil.rmtree(CASCADE)
    write_unavailable(CASCADE, NOT_RELEASED)


def rating(key: ratings.Key, session: str, rank: Callable[[str, int], int], rater: str) -> dict:
    """The content of a file as the page saves it: `rank` gives each method its score, by name and number of image."""
    answers = []
    for image in order.images(key.page, session, list(key.panels)):
        shown = order.panels(key.page, session, image, list(key.panels[image]))
        number = list(key.panels).index(image)
        scores = [rank(key.panels[image][code], number) for code in shown]
        answers.append({"image": image, "shown": shown, "scores": scores})
    return {"format": ratings.FORMAT, "page": key.page, "rater": rater, "session": session, "answers": answers}


def always(*methods: str) -> Callable[[str, int], int]:
    """A rater who puts methods in the same order, the worst one first, for every image."""
    return lambda method, number: methods.index(method) + 1


def write(path: Path, content: object) -> Path:
    """Save a file as a rater's browser does."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
