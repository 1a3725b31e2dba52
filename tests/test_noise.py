"""The noise: its bits, its independence of order, its distribution."""

import hashlib

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from redenoise.measure.noise import add_noise, noise_field, standard_normal_quantile

KEY = {"seed": 0, "dataset": "kodak", "image": "01", "sigma": 25}


def test_bits_are_fixed_for_all_time():
    """A change of generator, transform or key would silently change every reported number."""
    field = noise_field((64, 48, 3), **KEY)
    assert hashlib.sha256(field.astype("<f8").tobytes()).hexdigest() == (
        "fa921006c89c636a3c72c37a18a973bdf7e35542c6afd54add42c84830c28649"
    )


def test_quantile_agrees_with_scipy_in_every_branch():
    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 20001), 10.0 ** -np.arange(2.0, 300.0, 7)])
    assert standard_normal_quantile(p) == pytest.approx(ndtri(p), rel=1e-13, abs=1e-14)


def test_field_is_standard_normal():
    field = noise_field((512, 512), **KEY).ravel()
    assert stats.kstest(field, "norm").pvalue > 0.001
    assert abs(np.corrcoef(field[:-1], field[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("change", [{"seed": 1}, {"dataset": "set12"}, {"image": "02"}, {"sigma": 50}])
def test_each_part_of_the_key_gives_another_field(change: dict):
    first = noise_field((32, 32), **KEY)
    assert abs(np.corrcoef(first.ravel(), noise_field((32, 32), **{**KEY, **change}).ravel())[0, 1]) < 0.15


def test_equal_levels_written_differently_give_equal_fields():
    assert np.array_equal(noise_field((8, 8), **KEY), noise_field((8, 8), **{**KEY, "sigma": 25.0}))


def test_noise_is_unclipped_float32_of_the_asked_level():
    clean = np.full((256, 256), 250, np.uint8)
    noisy = add_noise(clean, **KEY)
    assert noisy.dtype == np.float32
    assert noisy.max() > 255
    assert np.std(noisy - clean) == pytest.approx(25, rel=0.01)
