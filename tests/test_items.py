"""Finished images survive; stale and damaged ones do not count."""

from pathlib import Path

import numpy as np
import pytest

from redenoise.measure.items import denoised_item, item_key


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 10, 3)).astype(np.float32)


def refuse() -> np.ndarray:
    raise AssertionError("computed again")


def test_finished_image_is_taken_up(tmp_path: Path, image):
    first = denoised_item(tmp_path, "01", "key", lambda: image)
    assert np.array_equal(denoised_item(tmp_path, "01", "key", refuse), first)


def test_gray_stays_gray(tmp_path: Path, image):
    denoised_item(tmp_path, "01", "key", lambda: image[..., 0])
    assert denoised_item(tmp_path, "01", "key", refuse).shape == (12, 10)


def test_image_of_another_key_is_replaced(tmp_path: Path, image):
    denoised_item(tmp_path, "01", "old", lambda: image)
    denoised_item(tmp_path, "01", "new", lambda: 255 - image)
    assert [path.name for path in tmp_path.iterdir()] == ["01.new.png"]


def test_damaged_image_is_computed_again(tmp_path: Path, image):
    first = denoised_item(tmp_path, "01", "key", lambda: image)
    path = tmp_path / "01.key.png"
    path.write_bytes(path.read_bytes()[:40])
    assert np.array_equal(denoised_item(tmp_path, "01", "key", lambda: image), first)


def test_failure_keeps_what_other_images_have_finished(tmp_path: Path, image):
    denoised_item(tmp_path, "01", "key", lambda: image)
    with pytest.raises(AssertionError):
        denoised_item(tmp_path, "02", "key", refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["01.key.png"]


def test_every_part_counts_in_the_key():
    parts = {"noisy": "a", "sigma": "25", "weights": "b"}
    keys = {item_key(**parts), *(item_key(**{**parts, name: "other"}) for name in parts)}
    assert len(keys) == 4
