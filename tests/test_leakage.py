"""The leakage check finds what it claims to find, and nothing else."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.synthesize.leakage import Fingerprint, find_leaks


@pytest.fixture
def photographs() -> list[np.ndarray]:
    """Smooth random images: their neighbouring pixels are related, as in photographs."""
    draw = np.random.default_rng(0)
    small = draw.integers(0, 256, (6, 12, 12), dtype=np.uint8)
    return [np.asarray(Image.fromarray(image).resize((96, 64), Image.Resampling.BICUBIC)) for image in small]


def matches(test: np.ndarray, train: list[np.ndarray]) -> list[tuple[str, str, str]]:
    named = {f"train{index}": Fingerprint.of(image) for index, image in enumerate(train)}
    return find_leaks({"test": Fingerprint.of(test)}, named)


def test_unrelated_images_do_not_match(photographs):
    assert matches(photographs[0], photographs[1:]) == []


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_turned_and_flipped_copies_are_found(photographs, turns, flip):
    copy = np.rot90(photographs[0], turns)
    copy = np.ascontiguousarray(copy[:, ::-1] if flip else copy)
    assert matches(photographs[0], [*photographs[1:], copy]) == [("test", "train5", "the same pixels")]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_recompressed_and_rescaled_copies_are_found(photographs, scale):
    image = Image.fromarray(photographs[0])
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=50)
    found = matches(photographs[0], [*photographs[1:], np.asarray(Image.open(stream))])
    assert [(test, train) for test, train, _ in found] == [("test", "train5")]
    assert "bits differ" in found[0][2]


def test_empty_sets_match_nothing():
    assert find_leaks({}, {}) == []
