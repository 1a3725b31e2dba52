"""PSNR and SSIM against independent implementations."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import gaussian_mean, psnr, ssim


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    clean = draw.integers(0, 256, (40, 52, 3), dtype=np.uint8)
    return to_uint8(clean + draw.normal(0, 20, clean.shape)), clean


def test_psnr_pools_all_channels(pair):
    image, clean = pair
    assert psnr(image, clean) == pytest.approx(peak_signal_noise_ratio(clean, image, data_range=255), abs=1e-9)


def test_psnr_of_equal_images_is_infinite(pair):
    assert psnr(pair[1], pair[1]) == float("inf")


def test_ssim_is_the_gaussian_window_over_the_valid_region(pair):
    image, clean = (array[..., 0] for array in pair)
    _, full = structural_similarity(
        clean, image, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert ssim(image, clean) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_the_window_is_a_gaussian_of_deviation_1_5_cut_at_5_pixels():
    planes = np.random.default_rng(0).uniform(0, 255**2, (2, 23, 31))
    expected = gaussian_filter(planes, sigma=1.5, radius=5, axes=(1, 2))[:, 5:-5, 5:-5]
    np.testing.assert_allclose(gaussian_mean(planes), expected, rtol=1e-13)


def test_ssim_of_colour_is_the_mean_over_channels(pair):
    image, clean = pair
    expected = np.mean([ssim(image[..., channel], clean[..., channel]) for channel in range(3)])
    assert ssim(image, clean) == pytest.approx(expected)


def test_rounding_clips_and_rounds_half_to_even():
    assert to_uint8(np.array([-3.0, 0.5, 1.5, 254.6, 300.0])).tolist() == [0, 0, 2, 255, 255]
