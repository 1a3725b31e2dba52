"""The stand-ins of the demo scale: the same bytes anywhere, and no image in both a test and a training set."""

import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from redenoise.data.patterns import PATTERNS, pattern
from redenoise.data.png import png_bytes
from redenoise.support.errors import UserError
from stages.download import embedded
from stages.download.embedded import PHOTOGRAPHS, images, read_photograph
from stages.leakage.node import Fingerprint, find_leaks

TEST_SETS = (("kodak", 3), ("cbsd68", 3), ("set12", 1), ("bsd68", 1))
TRAIN_SETS = (("cbsd432", 3), ("train400", 1))


def digest(image: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def pixels(sets: tuple, role: str, count: int) -> set[str]:
    """Hashes of all images of some sets, colour ones also as gray."""
    hashes = set()
    for key, channels in sets:
        for _, image in images(key, role, count, 96, channels):
            hashes.add(digest(image))
            hashes.add(digest(np.asarray(Image.fromarray(image).convert("L"))))
    return hashes


@pytest.mark.parametrize(("key", "channels"), TEST_SETS)
def test_a_set_has_the_asked_number_of_distinct_images(key, channels):
    made = list(images(key, "test", 9, 96, channels))
    names = [name for name, _ in made]
    shape = (96, 96) if channels == 1 else (96, 96, 3)
    assert len(made) == len(set(names)) == len({digest(image) for _, image in made}) == 9
    assert all(image.shape == shape and image.dtype == np.uint8 for _, image in made)
    assert all(re.fullmatch(r"[a-z_]+_\d+", name) for name in names)
    assert sum(name.rsplit("_", 1)[0] in PATTERNS for name in names) == 3


def test_test_and_training_sets_share_no_image():
    assert not pixels(TEST_SETS, "test", 40) & pixels(TRAIN_SETS, "train", 60)
    assert not {p.sha256 for p in PHOTOGRAPHS if p.role == "test"} & {
        p.sha256 for p in PHOTOGRAPHS if p.role == "train"
    }


def test_the_leakage_check_finds_nothing_at_any_size():
    found = {"test": {}, "train": {}}
    for role, sets, count in (("test", TEST_SETS, 18), ("train", TRAIN_SETS, 30)):
        for key, channels in sets:
            for size in (32, 96):
                for name, image in images(key, role, count, size, channels):
                    gray = np.asarray(Image.fromarray(image).convert("L"))
                    found[role][f"{key}/{name}/{size}"] = Fingerprint.of(gray)
    assert find_leaks(found["test"], found["train"]) == []


def test_sets_differ_from_each_other():
    kodak, cbsd68 = ([digest(image) for _, image in images(key, "test", 6, 96, 3)] for key in ("kodak", "cbsd68"))
    assert kodak != cbsd68


def test_the_bytes_are_the_recorded_ones():
    """A change of these hashes changes every number of the demo's reports."""
    found = {}
    for key, role, channels in (("set12", "test", 1), ("kodak", "test", 3), ("train400", "train", 1)):
        made = b"".join(png_bytes(image) for _, image in images(key, role, 16, 96, channels))
        found[key] = hashlib.sha256(made).hexdigest()[:16]
    assert found == {"set12": "e008d1860fc661cf", "kodak": "39a46053256005d3", "train400": "28f47905591e25a4"}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize(("size", "channels"), [(32, 1), (33, 3), (300, 3)])
def test_patterns_of_any_size(name, size, channels):
    image = pattern(name, "key", size, channels)
    assert image.shape == ((size, size) if channels == 1 else (size, size, 3))
    assert image.dtype == np.uint8
    assert np.array_equal(image, pattern(name, "key", size, channels))
    assert not np.array_equal(image, pattern(name, "another key", size, channels))
    assert np.ptp(image) > 20


def test_patterns_take_the_place_of_photographs_that_are_too_small():
    names = [name for name, _ in images("kodak", "test", 6, 600, 3)]
    assert {name.rsplit("_", 1)[0] for name in names} == set(PATTERNS)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5, 3), (300, 301, 3)])
def test_png_bytes_decode_to_the_same_pixels(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(image)))), image)


def test_another_photograph_than_the_expected_one_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "files", lambda package: tmp_path)
    with pytest.raises(UserError, match="astronaut.png: not found"):
        read_photograph(PHOTOGRAPHS[0], gray=False)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/astronaut.png").write_bytes(b"something else")
    with pytest.raises(UserError, match="expected 88431cd.*install the locked version"):
        read_photograph(PHOTOGRAPHS[0], gray=False)
