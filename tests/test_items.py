"""Finished images survive; stale and damaged ones do not count."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

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


def flipped(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def blurred(path: Path) -> None:
    """Store another image of the same size in the place of one."""
    with Image.open(path) as image:
        other = image.filter(ImageFilter.BLUR)
    other.save(path)


def piped(path: Path) -> None:
    """Put a pipe in the place of a file."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        lambda path: path.write_bytes(path.read_bytes()[:-32]),  # as images were stored without a hash
        lambda path: path.write_bytes(b""),
        blurred,
        piped,
    ],
)
def test_an_image_that_is_not_the_one_that_was_stored_is_computed_again(tmp_path: Path, image, change):
    first, path = denoised_item(tmp_path, "01", "key", lambda: image), tmp_path / "01.key.png"
    stored = path.read_bytes()
    change(path)
    assert np.array_equal(denoised_item(tmp_path, "01", "key", lambda: image), first)
    assert path.read_bytes() == stored
    assert np.array_equal(denoised_item(tmp_path, "01", "key", refuse), first)


def test_no_bit_of_a_kept_image_changes_unseen(tmp_path: Path, image):
    denoised_item(tmp_path, "01", "key", lambda: image)
    path = tmp_path / "01.key.png"
    for bit in range(0, 8 * path.stat().st_size, 7):
        flipped(path, bit)
        with pytest.raises(AssertionError, match="computed again"):
            denoised_item(tmp_path, "01", "key", refuse)
        flipped(path, bit)
    denoised_item(tmp_path, "01", "key", refuse)


def test_failure_keeps_what_other_images_have_finished(tmp_path: Path, image):
    denoised_item(tmp_path, "01", "key", lambda: image)
    with pytest.raises(AssertionError):
        denoised_item(tmp_path, "02", "key", refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["01.key.png"]


def test_every_part_counts_in_the_key():
    parts = {"noisy": "a", "sigma": "25", "weights": "b"}
    keys = {item_key(**parts), *(item_key(**{**parts, name: "other"}) for name in parts)}
    assert len(keys) == 4
