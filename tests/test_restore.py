"""From clean images to results on degraded sets: degrade, restore, protocols, damage, what cannot be measured."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index, write_index, write_unavailable
from redenoise.data.images import read_image, write_png
from redenoise.data.luminance import luminance
from redenoise.measure.metrics import psnr, ssim
from redenoise.models import denoisers
from redenoise.models.weights import save_network
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file
from stages.degrade.node import run as degrade
from stages.restore.node import run as restore
from stages.synthesize.node import run as synthesize
from tests.training_project import small_demo

SPEC = {"name": "srcnn", "channels": 1, "sides": [1, 1], "widths": [1]}
PROTOCOL = {"colour": "luminance", "rounded": True, "multiple": "level", "border": "level"}
SETS = {
    "set5-two": {"dataset": "set5", "degradation": "bicubic", "levels": [2, 3], "protocol": "mine"},
    "set5-rgb": {"dataset": "set5", "degradation": "jpeg", "levels": [50], "protocol": "plain"},
    "set5-noise": {"dataset": "set5", "degradation": "gaussian", "levels": [25], "protocol": "plain"},
}


@pytest.fixture
def config(project: Path) -> Config:
    """Two images of Set5, one in colour and one gray, and networks for both scales that change nothing."""
    base = small_demo()
    plain = {"colour": "rgb", "rounded": True, "multiple": "none", "border": "none"}
    same = {**base.params["families"]["srcnn"], "levels": [2, 3], "network": SPEC}
    families = {**base.params["families"], "same": same}
    run = {"degraded": "set5-two", "family": "same", "pair": "set5-t91", "method": "Same"}
    params = {
        **base.params,
        "degraded": dict(SETS),
        "protocols": {"mine": PROTOCOL, "plain": plain},
        "families": families,
    }
    found = replace(base, params={**params, "restorations": {"set5-same": run}})
    folder, rows = paths.data("demo", "set5"), []
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, shape in (("colour", (31, 40, 3)), ("gray", (29, 33))):
        write_png(folder / f"{name}.png", generator.integers(0, 256, shape, dtype=np.uint8))
        rows.append({"id": name, "path": f"{name}.png", "sha256": sha256_file(folder / f"{name}.png")})
    write_index(folder, ("id", "path", "sha256"), rows)
    network = denoisers.build(SPEC)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float(parameter.ndim > 1))
    for level in (2, 3):
        save_network(paths.weights("demo", "same") / f"scale{level}.safetensors", network, SPEC, "made by a test")
    return found


def results(config: Config) -> list[dict[str, str]]:
    degrade(config, "set5-two")
    restore(config, "set5-same")
    return list(csv.DictReader(paths.results("demo", "set5-same").open(encoding="utf-8")))


def test_results_are_those_of_the_protocol(config: Config):
    rows = results(config)
    assert {row["dataset"] for row in rows} == {"demo:Set5"} and {row["method"] for row in rows} == {"Same"}
    values = {(row["item"], row["condition"], row["metric"]): float(row["value"]) for row in rows}
    assert len(values) == 2 * 2 * 2
    for name, scale in (("colour", 2), ("colour", 3), ("gray", 2), ("gray", 3)):
        clean = luminance(read_image(paths.data("demo", "set5") / f"{name}.png"), rounded=True)
        clean = clean[: clean.shape[0] // scale * scale, : clean.shape[1] // scale * scale]
        stored = np.load(paths.degraded("demo", "set5-two") / f"scale{scale}/{name}.npy")
        assert stored.shape == clean.shape
        shown = np.rint(np.clip(stored, 0, 255)).astype(np.uint8)[scale:-scale, scale:-scale]
        inner = clean[scale:-scale, scale:-scale]
        assert values[name, f"scale={scale}", "psnr"] == pytest.approx(psnr(shown, inner), abs=1e-4)
        assert values[name, f"scale={scale}", "ssim"] == pytest.approx(ssim(shown, inner), abs=1e-4)


def test_a_protocol_that_does_not_round_compares_with_what_is_between_levels(config: Config):
    rounded = {row["condition"]: row["value"] for row in results(config) if row["item"] == "colour"}
    config.params["protocols"]["mine"] = {**PROTOCOL, "rounded": False}
    values = {row["condition"]: row["value"] for row in results(config) if row["item"] == "colour"}
    assert values.keys() == rounded.keys() and all(values[name] != rounded[name] for name in values)
    reference = np.load(paths.degraded("demo", "set5-two") / "reference/scale2/colour.npy")
    assert reference.dtype == np.float32 and not np.array_equal(reference, np.rint(reference))


def test_two_runs_give_the_same_bytes_and_take_up_what_is_there(config: Config, capsys: pytest.CaptureFixture):
    first = results(config)
    capsys.readouterr()
    assert results(config) == first
    assert "made 0 of 4, found 4 made already" in capsys.readouterr().err
    restore(config, "set5-same", (1, 2))
    assert "made 0 of 2" in capsys.readouterr().err


def test_images_as_they_are_keep_their_colours_and_sides(config: Config):
    degrade(config, "set5-rgb")
    folder = paths.degraded("demo", "set5-rgb")
    assert [row["quality"] for row in read_index(folder)] == ["50", "50"]
    assert np.load(folder / "quality50/colour.npy").shape == (31, 40, 3)
    assert json.loads((folder / "measured_by.json").read_text())["border"] == {}


def test_noise_is_that_of_the_noisy_sets(config: Config):
    config.params["noisy"] = {"set5": {"sigmas": [25]}}
    synthesize(config, "set5")
    degrade(config, "set5-noise")
    noisy, degraded = paths.noisy("demo", "set5"), paths.degraded("demo", "set5-noise")
    assert (noisy / "sigma25/colour.npy").read_bytes() == (degraded / "sigma25/colour.npy").read_bytes()


def test_damage_is_one_line(config: Config):
    results(config)
    folder = paths.degraded("demo", "set5-two")
    paths.provenance("demo", "degrade", "set5-two").unlink()  # whose hash would tell before the index does
    reference = folder / "reference/scale2/gray.npy"
    reference.write_bytes(reference.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"reference/scale2/gray\.npy: SHA-256 is .* damaged or changed"):
        restore(config, "set5-same")
    (folder / "measured_by.json").write_text("{}")
    with pytest.raises(UserError, match=r"measured_by\.json: damaged, 'title' is missing"):
        restore(config, "set5-same")


def test_an_image_below_its_scale_is_one_line(config: Config):
    config.params["degraded"]["set5-two"] = {**SETS["set5-two"], "levels": [32]}
    with pytest.raises(UserError, match=r"colour\.png: 31x40 pixels, expected 32 on each side; lower the level"):
        degrade(config, "set5-two")
    assert not paths.degraded("demo", "set5-two").exists()


def test_what_is_not_there_is_handed_on(config: Config):
    write_unavailable(paths.weights("demo", "same"), "no weights here")
    assert results(config) == []
    write_index(paths.data("demo", "set5"), ("id", "path", "sha256"), [])
    write_unavailable(paths.data("demo", "set5"), "no images here")
    degrade(config, "set5-two")
    assert (paths.degraded("demo", "set5-two") / "unavailable.txt").read_text() == "no images here\n"
