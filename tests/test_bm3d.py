"""BM3D, CBM3D and the search for the nearest blocks against a plain computation, and on a photograph."""

import re

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn
from skimage.data import astronaut, camera
from skimage.transform import resize

from redenoise.measure.metrics import psnr
from redenoise.models import block_matching
from redenoise.models.cosines import dct
from redenoise.models.filters import bm3d
from redenoise.support.errors import UserError

SMALL = (bm3d.Step(8, 3, 4, 3000.0, 2.7), bm3d.Step(8, 3, 8, 400.0))


def haar(size: int) -> np.ndarray:
    """Orthonormal Haar transform, from coarse to fine."""
    rows = [np.ones(size)]
    length = size
    while length > 1:
        for start in range(0, size, length):
            row = np.zeros(size)
            row[start : start + length // 2], row[start + length // 2 : start + length] = 1, -1
            rows.append(row)
        length //= 2
    return np.stack([row / np.linalg.norm(row) for row in rows])


def one_step(planes: np.ndarray, basic: np.ndarray | None, step: bm3d.Step, sigma: float) -> np.ndarray:
    """One step on planes (C, H, W) of unit noise, with loops over reference blocks and no shared transform."""
    side, (height, width) = step.side, planes.shape[1:]
    basis = bm3d.biorthogonal(side).numpy() if basic is None else None
    window = np.outer(np.kaiser(side, 2), np.kaiser(side, 2))
    places = [(y, x) for y in range(height - side + 1) for x in range(width - side + 1)]

    def spectra(source: np.ndarray, stack: list[tuple[int, int]]) -> np.ndarray:
        blocks = np.stack([source[y : y + side, x : x + side] for y, x in stack])
        flat = basis @ blocks @ basis.T if basis is not None else dctn(blocks, axes=(1, 2), norm="ortho")
        return np.tensordot(haar(len(stack)), flat, 1)

    plane = (planes if basic is None else basic)[0]
    total, weights = np.zeros_like(planes), np.zeros_like(planes)
    grid = [sorted({*range(0, size - side + 1, step.step), size - side}) for size in (height, width)]
    for y, x in [(y, x) for y in grid[0] for x in grid[1]]:
        own = plane[y : y + side, x : x + side]
        near = [(np.mean((plane[v : v + side, u : u + side] - own) ** 2), v, u) for v, u in places
                if abs(v - y) <= 19 and abs(u - x) <= 19]  # fmt: skip
        near = [place for place in sorted(near) if place[0] <= step.tau / sigma**2][: step.stack]
        stack = [(v, u) for _, v, u in near[: 2 ** int(np.log2(len(near)))]]
        for channel, noisy in enumerate(planes):
            found = spectra(noisy, stack)
            if basic is None:
                gain = (np.abs(found) > step.lambda_3d).astype(float)
            else:
                power = spectra(basic[channel], stack) ** 2
                gain = power / (power + 1)
            weight = 1 / (gain**2).sum()
            flat = np.tensordot(haar(len(stack)).T, gain * found, 1)
            inverse = None if basis is None else np.linalg.inv(basis)
            blocks = idctn(flat, axes=(1, 2), norm="ortho") if inverse is None else inverse @ flat @ inverse.T
            for (v, u), block in zip(stack, blocks, strict=True):
                total[channel, v : v + side, u : u + side] += weight * window * block
                weights[channel, v : v + side, u : u + side] += weight * window
    return total / weights


def photograph(height: int, width: int, colour: bool = False) -> np.ndarray:
    image = resize(astronaut() if colour else camera(), (height, width), anti_aliasing=True) * 255
    return np.rint(image).astype(np.uint8)


def noisy_of(clean: np.ndarray, sigma: float) -> np.ndarray:
    return (clean + np.random.default_rng(0).normal(0, sigma, clean.shape)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_steps_are_those_of_a_plain_computation(channels):
    """Of odd sizes, off the grid of reference blocks, and larger than one tile of them."""
    planes = np.random.default_rng(1).normal(0, 1, (channels, 35, 22)) + np.linspace(5, 9, 22)
    basic = one_step(planes, None, SMALL[0], 25)
    expected = one_step(planes, basic, SMALL[1], 25)
    found = bm3d.filtered(torch.from_numpy(planes).float(), SMALL, 25)
    assert np.allclose(found.numpy(), expected, atol=2e-3)


def test_strips_and_batches_leave_the_result_as_it_is(monkeypatch):
    noisy = noisy_of(photograph(61, 50), 25)
    whole = bm3d.denoise(noisy, 25)
    monkeypatch.setattr(bm3d, "STRIP", 4)
    monkeypatch.setattr(bm3d, "BATCH", 32)
    monkeypatch.setattr(block_matching, "TILE", 3)
    # Other tiles round the distances otherwise, and with them the order of blocks that are equally near.
    assert np.abs(bm3d.denoise(noisy, 25) - whole).mean() < 0.01


def test_transforms():
    for size in (1, 2, 16):
        stack = torch.from_numpy(np.random.default_rng(size).normal(0, 1, (size, 3)))
        lengths = torch.tensor([np.count_nonzero(row) for row in haar(size)], dtype=torch.float64)[:, None]
        assert torch.allclose(bm3d._haar(stack) / lengths.sqrt(), torch.from_numpy(haar(size)) @ stack)
        assert torch.allclose(bm3d._inverse_haar(bm3d._haar(stack) / lengths), stack)
    for side in (8, 11):
        assert np.allclose(dct(side), dctn(np.eye(side), axes=(0,), norm="ortho"))
    wavelet = bm3d.biorthogonal(8)
    assert np.allclose(wavelet.norm(dim=1), 1) and np.allclose(wavelet[1:].sum(1), 0)
    level = np.array([3, -3, -22, 22, 128, 128, 22, -22, -3, 3])  # low-pass; the coarser pairs are its differences
    pair = np.zeros(8)
    for index, tap in enumerate(level):
        pair[(index - 4) % 8] += tap
        pair[(index - 2) % 8] -= tap
    assert np.allclose(wavelet[2], pair / np.linalg.norm(pair))


@pytest.mark.parametrize(
    ("colour", "sigma", "expected"),
    [(False, 25, 28.549), (False, 50, 24.941), (True, 25, 27.513), (True, 50, 23.488)],
)
def test_psnr_on_a_photograph(colour, sigma, expected):
    clean = photograph(64, 64, colour)
    denoised = bm3d.denoise(noisy_of(clean, sigma), sigma)
    assert psnr(np.rint(denoised.clip(0, 255)).astype(np.uint8), clean) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("shape", [(8, 8), (8, 40), (37, 9, 3)])
def test_small_images_keep_shape_and_type(shape):
    noisy = noisy_of(np.full(shape, 100), 25)
    denoised = bm3d.denoise(noisy, 25)
    assert denoised.shape == shape and denoised.dtype == np.float32
    assert np.std(denoised - 100) < 0.6 * 25
    assert np.array_equal(bm3d.denoise(noisy, 25), denoised)


def test_the_number_of_threads_changes_no_bit():
    noisy = noisy_of(photograph(40, 50, colour=True), 25)
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(bm3d.denoise(noisy, 25))
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    assert all(np.array_equal(result, results[0]) for result in results)


def test_nearest_blocks():
    plane = np.random.default_rng(2).normal(0, 1, (30, 50)).astype(np.float32)
    search = block_matching.Search(torch.from_numpy(plane), 5, 4, 20)
    assert (
        (search.height, search.width) == (26, 46) and search.rows[-2:] == [24, 25] and search.columns[-2:] == [44, 45]
    )
    positions, distances = search.nearest(search.rows[-2:])
    blocks = np.lib.stride_tricks.sliding_window_view(plane, (5, 5))
    for found, near in zip(positions, distances, strict=True):
        y, x = divmod(int(found[0]), search.width)
        window = [(v, u) for v in range(max(y - 19, 0), 26) for u in range(max(x - 19, 0), min(x + 20, 46))]
        every = sorted((float(((blocks[place] - blocks[y, x]) ** 2).sum()), place) for place in window)[:20]
        assert [divmod(int(place), search.width) for place in found] == [place for _, place in every]
        assert np.allclose(near[1:], [distance for distance, _ in every[1:]], atol=1e-3)


def test_a_black_image_stays_black():
    assert not bm3d.denoise(np.zeros((16, 16), np.float32), 25).any()
    assert np.abs(bm3d.denoise(np.zeros((16, 16, 3), np.float32), 50)).max() < 1e-2


@pytest.mark.parametrize(
    ("shape", "sigma", "line"),
    [
        ((7, 30), 25, "the noisy image is (7, 30), expected (H, W) or (H, W, 3) with H and W from 8 on at sigma 25"),
        ((10, 30), 50, "the noisy image is (10, 30), expected (H, W) or (H, W, 3) with H and W from 11 on at sigma 50"),
        ((30, 30, 4), 25, "the noisy image is (30, 30, 4), expected"),
        ((30,), 25, "the noisy image is (30,), expected"),
        ((30, 30), 0, "sigma is 0, expected a number above 0"),
        ((30, 30), float("nan"), "sigma is nan, expected a number above 0"),
    ],
)
def test_what_it_cannot_take_is_one_line(shape, sigma, line):
    with pytest.raises(UserError, match=re.escape(f"BM3D: {line}")):
        bm3d.denoise(np.zeros(shape, np.float32), sigma)
