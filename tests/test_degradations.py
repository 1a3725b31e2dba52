"""Degradations, imresize and luminance: values by hand, MATLAB's own, noise with the bytes of the noisy sets."""

import hashlib
import io
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.data.imresize import imresize, resized_rows
from redenoise.data.luminance import luminance
from redenoise.measure import degradations
from redenoise.measure.degradations import bicubic, gaussian, jpeg
from redenoise.measure.noise import add_noise, noise_field
from redenoise.support.errors import UserError

# Keys' kernel at distances of a quarter, three quarters, ... of a pixel, by hand: whole numbers of 1/128.
QUARTERS = [111 / 128, 29 / 128, -9 / 128, -3 / 128]


def image(height: int, width: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, *channels), dtype=np.uint8)


def test_twice_as_many_pixels_have_the_weights_of_the_kernel():
    impulse = np.zeros(9)
    impulse[4] = 128.0
    spread = resized_rows(impulse, 18)
    a, b, c, d = (128 * value for value in QUARTERS)
    assert spread.tolist() == [0] * 5 + [d, c, b, a, a, b, c, d] + [0] * 5


def test_half_as_many_pixels_have_a_kernel_twice_as_wide():
    impulse = np.zeros(16)
    impulse[7] = 256.0
    spread = resized_rows(impulse, 8)
    a, b, c, d = (128 * value for value in QUARTERS)
    assert spread.tolist() == [0, 0, c, a, b, d, 0, 0]


def test_borders_are_mirrored_with_the_edge_repeated():
    line = np.arange(8.0) ** 2
    mirrored = np.concatenate([line[::-1], line, line[::-1]])
    assert resized_rows(line, 4).tolist() == resized_rows(mirrored, 12)[4:8].tolist()
    assert resized_rows(line, 24).tolist() == pytest.approx(resized_rows(mirrored, 72)[24:48].tolist(), abs=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_constant_stays_and_the_middle_of_a_ramp_too(scale: int):
    flat = np.full((24, 36), 77.0)
    assert np.abs(bicubic.degrade(flat, scale, gaussian_draw) - flat).max() < 1e-12
    ramp = np.add.outer(np.arange(96.0), 2 * np.arange(96.0))
    inner = np.s_[32:-32, 32:-32]
    assert np.abs(bicubic.degrade(ramp, scale, gaussian_draw) - ramp)[inner].max() < 1e-10


def gaussian_draw(shape: tuple[int, ...]) -> np.ndarray:
    return noise_field(shape, seed=3, dataset="set5", image="baby", sigma=25)


@pytest.mark.parametrize(
    ("name", "scale", "found"),
    [
        ("101085", 3, "dd5b3338b4a4f60037bd54ecaaae896ec38d0a3d517ba3242317186352b8c4bb"),
        ("101085", 4, "3157ae2534a88ea24f3e1afe12ca321d28738432433bf59b995d7e2a548bfd83"),
    ],
)
def test_eight_bits_are_those_of_matlab(mirror: Path, name: str, scale: int, found: str):
    """Inputs of BSD100 that Kligvasser et al. 2018 made with MATLAB, by their hash: kligvasser/xUnit, 29b8123."""
    with tarfile.open(mirror / "bsds500/BSR_bsds500.tgz") as archive:
        stored = archive.extractfile(f"BSR/BSDS500/data/images/val/{name}.jpg")
        assert stored is not None
        clean = np.asarray(Image.open(io.BytesIO(stored.read())))
    height, width = (side - side % scale for side in clean.shape[:2])
    small = imresize(clean[:height, :width], height // scale, width // scale)
    assert hashlib.sha256(imresize(small, height, width).tobytes()).hexdigest() == found


def test_luminance_is_that_of_rgb2ycbcr():
    """By hand: black, white and the primaries of 8 bits; 219 levels from 16 on."""
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3]]], np.uint8)
    exact = [16.0, 235.0, 81.481, 144.553, 40.966, 16 + (65.481 + 2 * 128.553 + 3 * 24.966) / 255]
    assert luminance(colours, rounded=False)[0] == pytest.approx(exact, abs=1e-12)
    assert luminance(colours, rounded=True)[0].tolist() == [16, 235, 81, 145, 41, 18]
    gray = image(4, 5)
    assert luminance(gray, rounded=True).tolist() == gray.tolist()


def test_jpeg_is_what_a_file_of_that_quality_holds():
    clean = np.add.outer(np.arange(40) * 3, np.arange(56) * 2).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(clean).save(stream, format="JPEG", quality=10)
    decoded = np.asarray(Image.open(stream))
    found = jpeg.degrade(clean.astype(np.float64), 10, gaussian_draw)
    assert np.array_equal(found, decoded) and not np.array_equal(decoded, clean)
    better = jpeg.degrade(clean.astype(np.float64), 90, gaussian_draw)
    assert np.abs(better - clean).mean() < np.abs(found - clean).mean()


def test_gaussian_has_the_bytes_of_the_noisy_sets():
    clean = image(11, 13, 3)
    draw = partial(noise_field, seed=3, dataset="set5", image="baby", sigma=25)
    found = degradations.degrade(gaussian, clean.astype(np.float64), 25, draw)
    assert found.tobytes() == add_noise(clean, seed=3, dataset="set5", image="baby", sigma=25).tobytes()


@pytest.mark.parametrize("name", ["bicubic", "gaussian", "jpeg"])
def test_every_degradation_keeps_the_contract(name: str):
    module = degradations.load(name)
    for clean in (image(24, 36).astype(np.float64), image(24, 36, 3).astype(np.float64)):
        found = degradations.degrade(module, clean, 4, gaussian_draw)
        assert found.shape == clean.shape and found.dtype == np.float32 and not np.array_equal(found, clean)


def test_what_breaks_the_contract_is_one_line(monkeypatch: pytest.MonkeyPatch):
    clean = np.zeros((8, 8))
    with pytest.raises(UserError, match="bicubic at scale 3: the image has 8x8 pixels, expected multiples"):
        bicubic.degrade(clean, 3, gaussian_draw)
    for wrong in (None, np.zeros((4, 4)), np.zeros((8, 8), np.uint8), np.full((8, 8), np.nan)):
        monkeypatch.setattr(jpeg, "degrade", lambda clean, level, draw, wrong=wrong: wrong)
        with pytest.raises(UserError, match=r"degradations\.jpeg: degrade returned .*, expected float \(8, 8\)"):
            degradations.degrade(jpeg, clean, 10, gaussian_draw)
    monkeypatch.delattr(jpeg, "PARAMETER")
    with pytest.raises(UserError, match="no PARAMETER; expected PARAMETER and degrade"):
        degradations.load("jpeg")
