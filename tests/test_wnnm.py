"""WNNM and MCWNNM against plain loops in double precision with singular value decompositions."""

import numpy as np
import pytest
import skimage.data
import torch

from redenoise.measure.metrics import psnr
from redenoise.models import filters
from redenoise.models.filters import mcwnnm, wnnm
from redenoise.models.filters.groups import (
    denoise_groups,
    fixed_points,
    low_rank,
    match,
    patches_of,
    references,
    workers,
)
from redenoise.support.errors import UserError

WEIGHT = 2 * np.sqrt(2)


def noisy_like(clean: np.ndarray, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    return (clean + sigma * noise).astype(np.float32)


def camera(side: int) -> np.ndarray:
    return skimage.data.camera()[100 : 100 + side, 200 : 200 + side]


def astronaut(side: int) -> np.ndarray:
    return skimage.data.astronaut()[100 : 100 + side, 180 : 180 + side]


def quality(denoised: np.ndarray, clean: np.ndarray) -> float:
    return psnr(denoised.clip(0, 255).round().astype(np.uint8), clean)


# The plain methods: images are (C, H, W) in float64, patches vectors channel by channel.


def plain_patches(image: np.ndarray, patch: int) -> np.ndarray:
    rows, columns = (range(length - patch + 1) for length in image.shape[1:])
    return np.array([[image[:, r : r + patch, c : c + patch].ravel() for c in columns] for r in rows])


def plain_grid(image: np.ndarray, patch: int, step: int) -> list[tuple[int, int]]:
    def corners(length: int) -> list[int]:
        multiples = [corner for corner in range(length - patch + 1) if corner % step == 0]
        return multiples + list(range(multiples[-1] + 1, length - patch + 1))

    return [(row, column) for row in corners(image.shape[1]) for column in corners(image.shape[2])]


def plain_group(patches: np.ndarray, row: int, column: int, radius: int, count: int) -> list[tuple[int, int]]:
    near = [
        (((patches[r, c] - patches[row, column]) ** 2).sum(), r, c)
        for r in range(max(0, row - radius), min(len(patches), row + radius + 1))
        for c in range(max(0, column - radius), min(patches.shape[1], column + radius + 1))
    ]
    return [(r, c) for _, r, c in sorted(near)[:count]]


def plain_reweighted(values: np.ndarray, n: int, variance: float) -> np.ndarray:
    shrunk = np.sqrt(np.maximum(values**2 - n * variance, 0))
    for _ in range(3):
        shrunk = np.maximum(values - WEIGHT * np.sqrt(n) * variance / (shrunk + 1e-16), 0)
    return shrunk


def plain_closed_form(values: np.ndarray, constant: float) -> np.ndarray:
    determinant = values**2 - 4 * constant
    return np.where(determinant > 0, (values + np.sqrt(np.maximum(determinant, 0))) / 2, 0)


def plain_admm(group: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """A group (n, D) and the level of each of the D values."""
    weights = np.diag(((levels.min() + 1e-16) / (levels + 1e-16)) ** 2)
    constant = WEIGHT * np.sqrt(len(group)) * levels.min() ** 2
    y, rho = group.T, 3.0
    z = a = np.zeros_like(y)
    for _ in range(10):
        x = np.linalg.inv(weights + rho / 2 * np.eye(len(y))) @ (weights @ y + rho / 2 * z - a / 2)
        u, s, v = np.linalg.svd(x + a / rho, full_matrices=False)
        z = u @ np.diag(plain_closed_form(s, 2 / rho * constant)) @ v
        a = a + rho * (x - z)
        rho = min(1e4, 1.001 * rho)
    return z.T


def plain_shrunk(group: np.ndarray, shrink) -> np.ndarray:
    u, s, v = np.linalg.svd(group, full_matrices=False)
    return u @ np.diag(shrink(s)) @ v


def plain_denoise(noisy, patch, step, radius, iterations, similar, levels_of, solve) -> np.ndarray:
    """What the two methods share; `levels_of(iteration, residual patch)` and `solve(group, levels)` differ."""
    estimate = noisy
    for iteration in range(iterations):
        estimate = estimate + 0.1 * (noisy - estimate)
        patches, residuals = plain_patches(estimate, patch), plain_patches(noisy - estimate, patch)
        if iteration % 2 == 0:
            similar -= 10
            grid = plain_grid(noisy, patch, step)
            found = [plain_group(patches, row, column, radius, similar) for row, column in grid]
        total, count = np.zeros_like(noisy), np.zeros_like(noisy)
        for (row, column), members in zip(grid, found, strict=True):
            group = np.array([patches[member] for member in members])
            mean = group.mean(0)
            denoised = mean + solve(group - mean, levels_of(iteration, residuals[row, column]))
            for (r, c), values in zip(members, denoised, strict=True):
                total[:, r : r + patch, c : c + patch] += values.reshape(-1, patch, patch)
                count[:, r : r + patch, c : c + patch] += 1
        estimate = total / count
    return estimate


# The pieces.


@pytest.mark.parametrize("length, corners", [(8, [0]), (10, [0, 1, 2]), (20, [0, 3, 6, 9, 12]), (13, [0, 3, 4, 5])])
def test_last_reference_patches_are_dense(length, corners):
    rows, columns = references(torch.zeros(1, length, 20), 8, 3)
    assert rows.tolist() == corners and columns.tolist() == [0, 3, 6, 9, 12]


def test_patches_are_those_of_all_corners():
    image = torch.rand(3, 7, 9)
    assert torch.equal(patches_of(image, 4).double(), torch.from_numpy(plain_patches(image.double().numpy(), 4)))


def test_block_matching_finds_the_nearest_in_the_window():
    image = torch.rand(1, 23, 40) * 255 + 1000
    patches = patches_of(image, 4)
    rows, columns = references(image, 4, 3)
    with workers() as pool:
        found = match(patches, rows, columns, 6, 20, pool)
    expected = [plain_group(patches.double().numpy(), r, c, 6, 20) for r in rows.tolist() for c in columns.tolist()]
    assert [set(group) for group in found.tolist()] == [{r * 37 + c for r, c in group} for group in expected]


def test_a_reference_patch_is_in_its_group_where_all_are_equal():
    patches = patches_of(torch.full((1, 12, 12), 7.0), 4)
    corners = torch.arange(9)
    with workers() as pool:
        found = match(patches, corners, corners, 4, 3, pool)
        everything = match(patches, corners, corners, 1, 30, pool)
    assert all(position in group for position, group in enumerate(found.tolist()))
    assert everything.shape == (81, 4)  # as many as the window in a corner has


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (5, 5)])
def test_low_rank_is_that_of_singular_value_decompositions(shape):
    torch.manual_seed(0)
    groups = torch.randn(40, *shape) * torch.logspace(0, 2, shape[1])
    limits = torch.rand(40) * 1e5
    limits[:3] = torch.tensor([0.0, 1e9, 1e9])
    shrunk = low_rank(groups, limits, fixed_points)
    for group, limit, result in zip(groups.double().numpy(), limits.tolist(), shrunk.numpy(), strict=True):
        expected = plain_shrunk(group, lambda values, limit=limit: plain_closed_form(values, limit / 4))
        assert np.abs(result - expected).max() < 5e-6 * np.linalg.norm(group, 2)


@pytest.mark.parametrize("n", [20, 60])
def test_shrinkages_are_the_published_ones(n):
    torch.manual_seed(1)
    groups, variances = torch.randn(30, n, 36) * torch.linspace(1, 20, 36), torch.linspace(0.1, 30, 30)
    found = {solve: solve(groups, variances).numpy() for solve in (wnnm.reweighted, wnnm.closed_form)}
    for index, (group, variance) in enumerate(zip(groups.double().numpy(), variances.tolist(), strict=True)):
        reweighted = plain_shrunk(group, lambda values, v=variance: plain_reweighted(values, n, v))
        closed = plain_shrunk(group, lambda values, v=variance: plain_closed_form(values, WEIGHT * n**0.5 * v))
        assert np.allclose(found[wnnm.reweighted][index], reweighted, atol=2e-3)
        assert np.allclose(found[wnnm.closed_form][index], closed, atol=2e-3)


def test_admm_is_the_published_one():
    torch.manual_seed(2)
    groups = torch.randn(12, 15, 27) * torch.linspace(1, 30, 27)
    levels = torch.rand(12, 3) * 4
    levels[0] = 2.0  # all equal
    levels[1, 1] = 0.0  # nothing to remove in one channel
    found = mcwnnm.admm(groups, levels).numpy()
    for group, level, result in zip(groups.double().numpy(), levels.double().numpy(), found, strict=True):
        assert np.allclose(result, plain_admm(group, level.repeat(9)), atol=2e-3)


def test_pixels_are_the_means_of_all_their_estimates():
    image = torch.rand(2, 6, 5)
    patches = patches_of(image, 3)  # (4, 3, 18)
    positions = torch.tensor([[0, 5], [2, 3], [9, 11], [9, 10], [6, 8]])
    levels = torch.arange(5.0)

    def solve(groups: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
        return groups * levels[:, None, None]

    with workers() as pool:
        found = denoise_groups(patches, positions, levels, solve, (6, 5), pool)
    total, count = np.zeros((2, 6, 5)), np.zeros((2, 6, 5))
    for level, group in enumerate(positions.tolist()):
        members = [patches[position // 3, position % 3].numpy() for position in group]
        for position, member in zip(group, members, strict=True):
            estimate = np.mean(members, axis=0) + level * (member - np.mean(members, axis=0))
            r, c = position // 3, position % 3
            total[:, r : r + 3, c : c + 3] += estimate.reshape(2, 3, 3)
            count[:, r : r + 3, c : c + 3] += 1
    assert np.allclose(found, total / count, atol=1e-5)


# The whole.


@pytest.mark.parametrize("shrinkage", [wnnm.reweighted, wnnm.closed_form])
def test_wnnm_is_the_plain_method(shrinkage):
    sigma, noisy = 15.0, noisy_like(camera(18)[:, :17], 15)

    def levels_of(iteration: int, residual: np.ndarray) -> float:
        return sigma**2 if iteration == 0 else 0.54**2 * abs(sigma**2 - (residual**2).mean())

    def solve(group: np.ndarray, variance: float) -> np.ndarray:
        n = len(group)
        if shrinkage is wnnm.reweighted:
            return plain_shrunk(group, lambda values: plain_reweighted(values, n, variance))
        return plain_shrunk(group, lambda values: plain_closed_form(values, WEIGHT * np.sqrt(n) * variance))

    expected = plain_denoise(noisy[np.newaxis].astype(float), 6, 2, 30, 8, 70, levels_of, solve)[0]
    assert np.abs(wnnm.denoise(noisy, sigma, shrinkage) - expected).max() < 0.02


def test_mcwnnm_is_the_plain_method():
    sigma, noisy = 25.0, noisy_like(astronaut(14)[:13], 25)

    def levels_of(iteration: int, residual: np.ndarray) -> np.ndarray:
        levels = np.sqrt(np.maximum(sigma**2 - (residual.reshape(3, 36) ** 2).mean(1), 0))
        return (levels if iteration == 0 else 0.6 * levels).repeat(36)

    expected = plain_denoise(noisy.transpose(2, 0, 1).astype(float), 6, 5, 20, 6, 70, levels_of, plain_admm)
    assert np.abs(mcwnnm.denoise(noisy, sigma) - expected.transpose(1, 2, 0)).max() < 0.02


@pytest.mark.parametrize("sigma, patch", [(5, 6), (30, 7), (50, 8), (75, 9)])
def test_wnnm_takes_images_down_to_a_patch(sigma, patch):
    for shape in [(patch, patch), (patch, patch + 5), (patch + 4, patch + 1)]:
        noisy = noisy_like(np.full(shape, 100.0), sigma)
        assert np.isfinite(filters.denoise(wnnm, noisy, sigma)).all()
    assert np.allclose(wnnm.denoise(noisy[:patch, :patch], sigma), noisy[:patch, :patch], atol=1e-4)  # nothing similar
    with pytest.raises(UserError, match=f"has {patch} x {patch - 1} pixels, expected at least one patch of {patch} x"):
        wnnm.denoise(noisy[:patch, : patch - 1], sigma)


def test_mcwnnm_takes_colour_images_down_to_a_patch():
    for shape in [(6, 6, 3), (7, 11, 3), (12, 6, 3)]:
        assert np.isfinite(filters.denoise(mcwnnm, noisy_like(np.full(shape, 100.0), 25), 25)).all()
    with pytest.raises(UserError, match=r"is gray, \(9, 9\), expected colour"):
        mcwnnm.denoise(np.zeros((9, 9), np.float32), 25)
    with pytest.raises(UserError, match="has 5 x 9 pixels, expected at least one patch of 6 x 6"):
        mcwnnm.denoise(np.zeros((5, 9, 3), np.float32), 25)


@pytest.mark.parametrize("method", [wnnm, mcwnnm])
@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_noise_levels_that_are_none_are_refused(method, sigma):
    with pytest.raises(UserError, match=f"sigma is {sigma}, expected a positive number"):
        method.denoise(np.zeros((16, 16, 3), np.float32), sigma)


def test_wnnm_of_colour_is_that_of_each_channel():
    noisy = noisy_like(astronaut(16), 15)
    channels = [wnnm.denoise(noisy[..., channel], 15) for channel in range(3)]
    assert np.array_equal(wnnm.denoise(noisy, 15), np.stack(channels, axis=2))


@pytest.mark.parametrize("method", [wnnm, mcwnnm])
def test_results_have_the_same_bits_for_any_number_of_threads(method):
    noisy = noisy_like(astronaut(18), 15)
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(method.denoise(noisy, 15))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


@pytest.mark.parametrize(
    "method, clean, sigma, expected",
    [(wnnm, camera(48), 25, 28.88), (wnnm, camera(32), 50, 23.58), (mcwnnm, astronaut(32), 25, 29.17)],
)
def test_quality_is_that_of_the_first_results(method, clean, sigma, expected):
    assert quality(method.denoise(noisy_like(clean, sigma), sigma), clean) == pytest.approx(expected, abs=0.01)


def test_versions_name_what_the_results_depend_on():
    assert wnnm.version() == mcwnnm.version()
    assert torch.__version__ in wnnm.version()
