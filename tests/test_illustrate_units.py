"""The maps of xUnits, as the figures of Kligvasser et al. 2018 show them."""

import numpy as np
import pytest
import torch
from torch import nn

from redenoise.models import denoisers
from stages.illustrate import canvas, units
from tests.illustrate_project import UNITS


@pytest.mark.parametrize(("number", "place"), [(1, 0), (2, 2), (9, 2)])
def test_maps_are_what_goes_through_one_unit(number: int, place: int):
    torch.manual_seed(0)
    network = denoisers.build(UNITS).eval()
    noisy = np.random.default_rng(0).uniform(0, 255, (12, 10)).astype(np.float32)
    features, gate = units.maps(network, noisy, 25, number)
    before = torch.from_numpy(noisy[np.newaxis, np.newaxis] / 255)
    assert isinstance(network.layers, nn.Sequential)
    with torch.inference_mode():
        expected = network.layers[: place + 1](before)[0].numpy()
    np.testing.assert_allclose(features * gate, expected, atol=1e-6)
    assert features.shape == gate.shape == (9, 12, 10) and 0 < gate.min() <= gate.max() <= 1


def test_a_map_is_gray_at_zero_and_white_at_its_largest_magnitude():
    found = units.as_gray(np.array([[0.0, 2.0, -2.0]]))
    assert found.tolist() == [[128, 255, 1]]
    assert units.as_gray(np.zeros((2, 2))).tolist() == [[128, 128]] * 2


def test_maps_stand_in_rows_of_eight():
    picture = units.mosaic([np.zeros((24, 24), np.uint8)] * 9)
    assert picture.shape == (2 * 48 + canvas.GAP, 8 * 48 + 7 * canvas.GAP, 3)
