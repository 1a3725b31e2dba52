"""Training against more than noise: versions of images, what a patch is paired with, whole trainings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index
from redenoise.dag.levels import level_ranges
from redenoise.data.images import read_image
from redenoise.measure import degradations
from redenoise.measure.degradations import bicubic, general, jpeg
from redenoise.measure.networks import Folder
from redenoise.models.weights import load_network
from redenoise.training.degraded import FINENESS, Degrader, Kind, Restorer, kinds
from redenoise.training.patches import Patches
from stages.train import node as train
from tests.training_project import CPU, make_images, network, options, schedule, small_demo

THREE = {"degradation": "general", "sigma_range": [0, 55], "level_ranges": [[2, 4], [50, 51]]}
THREE["network"] = {"channels": 1}
SCALES = {"degradation": "bicubic", "levels": [2, 3], "network": {"channels": 1}}


@pytest.fixture
def small(project: Path) -> Config:
    """The small demo with images for the sets of two families."""
    for name in ("t91", "set5"):
        make_images(name, (49, 50, 3))
    return small_demo()


def versions(family: dict) -> tuple[np.ndarray, np.ndarray, Degrader]:
    """The clean image of a set, all its versions, and what made them."""
    folder = paths.data("demo", "t91")
    row = read_index(folder)[0]
    degrader = Degrader(family, 0, "t91")
    return degrader.clean(folder / row["path"]), degrader.versions(folder / row["path"], row["id"]), degrader


def test_versions_are_whole_images_degraded_as_test_sets_are(small):
    clean, found, degrader = versions(THREE)
    assert degrader.levels == [2, 3, 4, 50, 51] and found.shape == (*clean.shape, 6) and found.dtype == np.int16
    height, width = (side - side % 12 for side in clean.shape)
    inner = (slice(4, height - 12), slice(4, width - 12))  # out of reach of what is cut off or repeated
    expected = bicubic.degrade(clean[:height, :width], 3, np.zeros)
    assert np.abs(found[:height, :width, 2] / FINENESS - expected)[inner].max() <= 0.5 / FINENESS
    expected = jpeg.degrade(clean, 51, np.zeros)[:height, :width]
    assert np.abs(found[:height, :width, 5] / FINENESS - expected)[inner].max() <= 0.5 / FINENESS
    assert np.abs(found[..., 0] / FINENESS - clean).max() <= 0.5 / FINENESS


def test_colour_files_give_luminance_and_colour_networks_colours(small):
    folder = paths.data("demo", "t91")
    path = folder / read_index(folder)[0]["path"]
    assert versions(SCALES)[0].min() >= 16, "from black to white, 16 to 235"
    colour = {"degradation": "jpeg", "level_range": [10, 11], "network": {"channels": 3}}
    clean, found, _ = versions(colour)
    assert np.array_equal(clean, read_image(path, gray=False)) and found.shape[-1] == 9
    source = Patches([found], 8, 4, CPU, "test", 3, FINENESS)
    source.seed(0, 0)
    learner = Restorer(network(), [10, 11], schedule(), "reference", CPU, kinds(colour, 10))
    sharp, degraded, told = learner.examples(*source.draw())
    assert sharp.shape == degraded.shape == (4, 3, 8, 8) and set((told * 255).round().tolist()) <= {10, 11}


def test_every_way_is_as_likely_and_tells_its_level():
    learned = kinds(THREE, 0)
    assert learned == [Kind(0, 55, 0), Kind(2, 4, 1), Kind(50, 51, 4)]
    learner = Restorer(network(), [0, 55], schedule(), "reference", CPU, learned)
    count = 9000
    planes = torch.arange(6.0).view(1, 6, 1, 1).expand(count, 6, 1, 1)  # a version holds its number
    level = (torch.arange(count) + 0.5) / count
    clean, degraded, told = learner.examples(planes, torch.zeros(count, 1, 1, 1), level)
    assert (clean == 0).all()
    taken = [int((degraded == number).sum()) for number in range(6)]
    assert taken == [3000, 1000, 1000, 1000, 1500, 1500]
    assert sorted(set((told[3000:] * 255).round().tolist())) == [2, 3, 4, 50, 51]
    assert told[:3000].max() * 255 == pytest.approx(55, abs=0.1)
    _, noisy, told = learner.examples(planes * 0, torch.ones(count, 1, 1, 1), level)
    assert torch.equal(noisy.flatten()[:3000], told[:3000]) and not noisy[3000:].any(), "noise for noise alone"


def test_the_highest_draw_is_of_the_last_level():
    learner = Restorer(network(), [0, 55], schedule(), "reference", CPU, kinds(THREE, 0))
    last = torch.full((1,), 1.0 - 2.0**-24)
    _, degraded, told = learner.examples(torch.arange(6.0).view(1, 6, 1, 1), torch.zeros(1, 1, 1, 1), last)
    assert degraded.item() == 5 and told.item() * 255 == pytest.approx(51)


def test_a_network_for_one_level_learns_that_alone():
    assert kinds(SCALES, 3) == [Kind(3, 3, 2)]
    assert level_ranges({"degradation": "gaussian", "sigmas": [25]}) == []


@pytest.mark.parametrize("changes", [{}, {"degradation": "general", **THREE}], ids=["scales", "three tasks"])
def test_trained_families_serve_their_levels(small, changes):
    base = {key: value for key, value in small.params["families"]["xsrcnn_f"].items() if not changes or key != "levels"}
    base |= {"network": {**small.params["families"]["dncnn_b"]["network"]}}
    changes = {key: value for key, value in changes.items() if key != "network"}
    family = {**base, **changes, "validation": "set12" if changes else "set5"}
    config = replace(small, params={**small.params, "families": {**small.params["families"], "one": family}})
    train.run(config, "one", options())
    folder = paths.weights("demo", "one")
    first = load_network(Folder(folder, "scale").path_for(3))[0].state_dict()
    record = json.loads(paths.provenance("demo", "train", "one").read_text(encoding="utf-8"))
    cards = record["models"].values()
    assert [card["sigma_range"] for card in cards] == ([[0, 55]] if changes else [[3, 3], [4, 4]])
    assert all(card["curve"][-1][3] > 5 for card in cards), "validated in dB"
    if not changes:
        other = load_network(Folder(folder, "scale").path_for(4))[0].state_dict()
        assert not all(torch.equal(first[name], other[name]) for name in first)


def test_general_is_both_of_its_degradations():
    clean = np.random.default_rng(0).uniform(0, 255, (24, 24))
    for level, module in ((4, bicubic), (5, jpeg)):
        found, expected = (degradations.degrade(one, clean, level, np.zeros) for one in (general, module))
        assert np.array_equal(found, expected)
