"""A tiny project with all that the stage `illustrate` reads: tiny networks that have learned nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index, write_unavailable
from redenoise.data.images import read_image, write_png
from redenoise.data.labelled import CLASSES, COLUMNS
from redenoise.models import denoisers, recognizers
from redenoise.models.filters import bm3d
from redenoise.models.weights import save_network
from redenoise.support.files import sha256_file, write_json
from stages.illustrate.node import CAPTIONS
from tests.training_project import make_images

DENOISER = {"name": "multiscale", "channels": 3, "scales": 2, "divisor": 16}
BLIND = {"name": "dncnn", "channels": 3, "depth": 3, "width": 4}
UNITS = {"name": "xdncnn", "channels": 1, "units": 2, "width": 9, "support": 3}
UPSCALING = {"name": "xsrcnn", "channels": 1, "sides": [3, 3, 3], "widths": [4, 4], "support": 3}
SMALL = {"blocks": [1, 1, 1], "width": 4, "head": 8, "preprocessing": "plain"}
CLASSIFIER = {"name": "vgg", "classes": 3, "pooled": 2, **SMALL}
SEGMENTER = {"name": "deeplab", "classes": 4, "dilation": 1, **SMALL}
LEVELS = (15, 30, 45, 60)


def make_project(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Everything that the stage reads in the working folder, and a filter in the place of BM3D that takes no time."""
    make_images("kodak", (40, 36, 3), count=3)
    make_images("rni15", (36, 40, 3))
    make_images("photographs", (40, 36, 3))
    make_images("cc15", (36, 40, 3), count=3)
    for key in ("imagenet_val", "imagenet_1300"):
        make_labelled(key, segmentation=False)
    for key in ("voc_val", "camvid_test"):
        make_labelled(key, segmentation=True)
    for key in ("classification", "classify_photographs"):
        save(paths.task("demo", key), {"model": 1}, CLASSIFIER, recognizers.build)
    for key in ("segmentation", "segment_photographs"):
        save(paths.task("demo", key), {"model": 2}, SEGMENTER, recognizers.build)
    for seed, folder in enumerate((paths.weights("demo", "proposed_tasks"), *cascades())):
        save(folder, {f"sigma{level}": 10 * level + seed for level in LEVELS}, DENOISER, denoisers.build)
    save(paths.weights("demo", "cdncnn_b"), {"model": 3}, BLIND, denoisers.build)
    save(paths.weights("demo", "xdncnn"), {"sigma25": 4}, UNITS, denoisers.build)
    save(paths.weights("demo", "xsrcnn_f"), {"scale3": 5}, UPSCALING, denoisers.build)
    save(paths.weights("demo", "dncnn_3"), {"model": 6}, {**BLIND, "channels": 1}, denoisers.build)
    monkeypatch.setattr(bm3d, "version", lambda: "bm3d 4, bm4d 4")
    monkeypatch.setattr(bm3d, "denoise", lambda noisy, sigma: noisy.astype(np.float64) / 2 + 64)
    monkeypatch.delenv("REDENOISE_MIRROR", raising=False)
    return load_config("demo")


def cascades() -> list[Path]:
    names = ("classify_2020", "segment_2020", "classify_photographs", "segment_photographs")
    return [paths.cascade("demo", name) for name in names]


def save(folder: Path, models: dict[str, int], spec: dict, build) -> None:
    """Networks with random weights, by name and seed."""
    for name, seed in models.items():
        torch.manual_seed(seed)
        save_network(folder / f"{name}.safetensors", build(spec), spec, "a test")


def make_labelled(key: str, segmentation: bool) -> None:
    """A set of three images; the masks have three classes and pixels without a class."""
    folder, draw = paths.labelled("demo", key), np.random.default_rng(len(key))
    rows = []
    for number in range(3):
        path, mask = folder / f"images/{number}.png", folder / f"masks/{number}.png"
        write_png(path, draw.integers(0, 256, (32, 40, 3), dtype=np.uint8))
        row = {"id": str(number), "path": path, "mask": "", "label": number, "split": "val"}
        if segmentation:
            classes = np.repeat(np.array([[0, 2, 255, 3]], dtype=np.uint8), 10).reshape(1, 40).repeat(32, axis=0)
            write_png(mask, classes)
            row |= {"mask": mask, "label": ""}
        rows.append(row | {"sha256": sha256_file(path)})
    write_index(folder, COLUMNS, rows)
    write_json(folder / CLASSES, ["background", "one", "two", "three"] if segmentation else ["one", "two", "three"])


def empty(folder: Path, reason: str) -> None:
    """The outputs of a node that could not deliver."""
    shutil.rmtree(folder)
    write_index(folder, COLUMNS, [])
    write_unavailable(folder, reason)


def captions() -> dict[str, dict[str, str]]:
    return json.loads((paths.figures("demo") / CAPTIONS).read_text(encoding="utf-8"))


def made() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths.figures("demo").iterdir()}


def picture(name: str) -> np.ndarray:
    return read_image(paths.figures("demo") / name)
