"""The estimated noise level against noise that is known."""

import numpy as np
import pytest
from skimage import data

from redenoise.commands.denoise.noise_level import noise_level
from redenoise.measure.noise import add_noise
from redenoise.support.errors import UserError


def noisy(clean: np.ndarray, sigma: float) -> np.ndarray:
    return add_noise(clean, seed=0, dataset="test", image="test", sigma=sigma)


@pytest.mark.parametrize("sigma", [5, 15, 25, 50, 75])
@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut"])
def test_colour_photographs(name: str, sigma: float):
    clean = getattr(data, name)()[:256, :256]
    assert abs(noise_level(noisy(clean, sigma)) - sigma) < 0.25 + 0.01 * sigma


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_gray_photographs(sigma: float):
    assert noise_level(noisy(data.camera(), sigma)) == pytest.approx(sigma, rel=0.1)


def test_noise_alone_and_none_at_all():
    flat = np.full((200, 300), 128, np.uint8)
    assert noise_level(noisy(flat, 10)) == pytest.approx(10, rel=0.02)
    assert noise_level(flat.astype(np.float32)) == 0.0


def test_a_large_picture_takes_a_sample_of_patches():
    clean = np.tile(data.chelsea(), (3, 3, 1))
    assert noise_level(noisy(clean, 25)) == pytest.approx(25, rel=0.03)


@pytest.mark.parametrize("shape", [(7, 100), (20, 20), (24, 24, 3)])
def test_too_few_pixels_are_said(shape: tuple[int, ...]):
    with pytest.raises(UserError, match=f"{shape[1]}x{shape[0]} pixels are too few .* give --sigma"):
        noise_level(np.zeros(shape, np.float32))
