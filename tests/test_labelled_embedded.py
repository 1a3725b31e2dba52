"""The stand-ins for labelled photographs: the same bytes anywhere, classes that differ only as described."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from redenoise.dag import paths
from redenoise.data.labelled import read_image_of, read_labelled, read_mask_of
from redenoise.data.patterns import Draws
from redenoise.support.files import read_json, sha256_path
from stages.labelled import textures
from stages.labelled.node import run
from stages.labelled.textures import CLASSES, SHAPES, UNIT, scenes
from tests.labelled_project import LABELLED, MADE, labelled_config

SIZE = 48


def made(key: str, count: int, size: int = SIZE) -> list:
    return list(scenes(key, count, size, LABELLED[key]["task"] == "segmentation"))


def test_the_bytes_are_the_recorded_ones():
    """A change of these hashes changes every number of the demo's tables of the high-level tasks."""
    found = {}
    for key in LABELLED:
        digest = hashlib.sha256()
        for scene in made(key, 12):
            digest.update(scene.image.tobytes() + scene.mask.tobytes() + bytes(scene.labels))
        found[key] = digest.hexdigest()[:16]
    assert found == {
        "imagenet_train": "7ee03fe23f50b144",
        "imagenet_val": "655c9c26b799d1cb",
        "voc_train_aug": "6f942c769a8d47cf",
        "voc_val": "909cf62f4fc32f8d",
    }


def test_sets_share_no_image():
    images = [scene.image.tobytes() for key in LABELLED for scene in made(key, 60)]
    assert len(set(images)) == 4 * 60


@pytest.mark.parametrize("size", [32, 48, 65])
def test_one_object_of_the_class_that_the_label_names(size):
    for number, scene in enumerate(made("imagenet_train", 24, size)):
        assert scene.image.shape == (size, size, 3) and scene.image.dtype == np.uint8
        assert scene.labels == (number % 8,)
        assert set(np.unique(scene.mask)) == {0, scene.labels[0] + 1}
        assert 0.1 < (scene.mask > 0).mean() < 0.45


def test_several_objects_that_each_show_themselves():
    scenes_made = made("voc_val", 48)
    assert {len(scene.labels) for scene in scenes_made} == {2, 3}
    touching = 0
    for scene in scenes_made:
        assert len(set(scene.labels)) == len(scene.labels)
        assert set(np.unique(scene.mask)) == {0, *(label + 1 for label in scene.labels)}
        for label in scene.labels:
            assert (scene.mask == label + 1).sum() > 0.01 * SIZE * SIZE
        beside = [(a, b) for a, b in zip(scene.mask[:, :-1].flat, scene.mask[:, 1:].flat, strict=True) if a and b]
        touching += any(a != b for a, b in beside)
    assert 10 < touching < 48
    counts = np.bincount([label for scene in scenes_made for label in scene.labels], minlength=8)
    assert counts.min() >= 6


def test_an_object_stands_out_from_its_surroundings_by_colour_but_not_always_by_brightness():
    brightness = []
    for scene in made("imagenet_val", 64):
        inside = scene.mask > 0
        difference = scene.image[inside].mean(axis=0) - scene.image[~inside].mean(axis=0)
        assert abs(difference).sum() > 60
        brightness.append(abs(difference.mean()))
    assert min(brightness) < 5


def test_all_shapes_cover_the_same_area():
    v, u = np.mgrid[-40 * UNIT : 40 * UNIT : UNIT // 8, -40 * UNIT : 40 * UNIT : UNIT // 8]
    areas = {name: shape(u, v, 20 * UNIT).sum() / 64 / (np.pi * 20 * 20) for name, shape in SHAPES.items()}
    assert areas == pytest.approx(dict.fromkeys(SHAPES, 1.0), abs=0.015)


def spectrum(plaid: bool, key: str) -> tuple[float, float, float, float]:
    """Mean, deviation, mean frequency in cycles per pixel, and share of the strongest direction of a texture."""
    texture = textures._texture(Draws(key), 96, plaid).astype(float)
    power = abs(np.fft.fft2((texture - texture.mean()) * np.outer(np.hanning(96), np.hanning(96)))) ** 2
    y, x = np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96), indexing="ij")
    frequency = (np.hypot(x, y) * power).sum() / power.sum()
    sectors = np.bincount((np.arctan2(y, x) % np.pi * 12 / np.pi + 0.5).astype(int).ravel() % 12, power.ravel(), 12)
    strongest = max(a + b for a, b in pairwise([*sectors, sectors[0]]))
    return texture.mean(), texture.std(), frequency, strongest / power.sum()


def test_the_textures_differ_in_nothing_but_their_directions():
    stripes, plaid = (np.array([spectrum(kind, f"key {n}") for n in range(40)]) for kind in (False, True))
    assert abs(stripes[:, 0]).max() < 2 and abs(plaid[:, 0]).max() < 2
    assert stripes[:, 1].mean() == pytest.approx(plaid[:, 1].mean(), rel=0.03)
    assert stripes[:, 2].mean() == pytest.approx(plaid[:, 2].mean(), rel=0.03)
    assert stripes[:, 2].min() > 1 / 4.6 and stripes[:, 2].max() < 1 / 3.3
    assert stripes[:, 3].min() > 0.85
    assert plaid[:, 3].max() < 0.65


@pytest.mark.parametrize("key", LABELLED)
def test_a_node_has_images_labels_and_the_names_of_the_classes(tmp_path, monkeypatch, key):
    monkeypatch.chdir(tmp_path)
    run(labelled_config(MADE), key)
    folder = paths.labelled("tiny", key)
    examples, entry = read_labelled(folder), LABELLED[key]
    assert len(examples) == (9 if entry["split"].startswith("train") else 6)
    expected = made(key, len(examples))
    classes = (["background"] if entry["task"] == "segmentation" else []) + list(CLASSES)
    assert read_json(folder / "classes.json") == classes
    for example, scene in zip(examples, expected, strict=True):
        assert np.array_equal(read_image_of(example), scene.image)
        if entry["task"] == "segmentation":
            assert example.label is None
            assert np.array_equal(read_mask_of(example, len(classes)), scene.mask)
        else:
            assert (example.label, example.mask) == (scene.labels[0], None)
    record = read_json(paths.provenance("tiny", "labelled", key))
    assert record["items"] == len(examples) and "unavailable" not in record


def test_a_second_run_gives_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(labelled_config(MADE), "voc_val")
    folder = paths.labelled("tiny", "voc_val")
    before = sha256_path(folder)
    (folder / "images/left over.png").write_bytes(b"")
    run(labelled_config(MADE), "voc_val")
    assert sha256_path(folder) == before


def test_the_size_of_a_set_changes_none_of_its_first_images():
    few, many = ([scene.image.tobytes() for scene in made("voc_val", count)] for count in (3, 9))
    assert many[:3] == few
