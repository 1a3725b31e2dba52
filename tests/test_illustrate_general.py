"""One image degraded in six ways, as figure 12 of Zhang et al. 2017 shows it."""

from functools import partial

import numpy as np

from redenoise.measure.noise import noise_field
from stages.illustrate import general

CLEAN = np.random.default_rng(0).uniform(0, 255, (24, 36))
NOISE = partial(noise_field, seed=0, dataset="photographs", image="one")


def test_regions_cover_the_image_once():
    covered = np.zeros((24, 36), int)
    for place in general.places(covered.shape):
        covered[place] += 1
        assert covered[place].shape == (12, 12)
    assert (covered == 1).all()


def test_every_region_is_degraded_in_its_own_way():
    found = general.composed(CLEAN, NOISE)
    upper, lower = (NOISE((24, 36), sigma=sigma) for sigma in (15, 25))
    np.testing.assert_allclose(found[:12, :12], (CLEAN + 15 * upper)[:12, :12], atol=1e-4)
    np.testing.assert_allclose(found[12:, :12], (CLEAN + 25 * lower)[12:, :12], atol=1e-4)
    assert (found[:, 24:] == found[:, 24:].round()).all(), "JPEG has whole levels"
    errors = [np.abs(found[place] - CLEAN[place]).mean() for place in general.places(CLEAN.shape)]
    assert min(errors) > 5 and errors[3] > errors[0] and errors[2] > errors[5]


def test_white_lines_part_the_regions_of_a_copy():
    image = np.zeros((24, 36), np.uint8)
    drawn = general.parted(image)
    assert image.max() == 0
    assert np.flatnonzero(drawn.all(axis=1)).tolist() == [11, 12]
    assert np.flatnonzero(drawn.all(axis=0)).tolist() == [11, 12, 23, 24]
