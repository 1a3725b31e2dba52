"""EPLL: every piece against its definition, the whole against a plain version in pixels, and a stored PSNR."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from skimage import data

from redenoise.measure import apply
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.models import denoisers
from redenoise.models.denoisers import epll
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from tests.conftest import ROOT

RELEASED = ROOT / "weights/epll-model.safetensors"


def small(components: int = 3, side: int = 3, seed: int = 0, **options) -> epll.EPLL:
    """A network with a random prior of small patches."""
    draw = torch.Generator().manual_seed(seed)
    network = epll.EPLL(components, side, **options)
    network.factors.copy_(0.2 * torch.randn(network.factors.shape, generator=draw))
    network.log_weights.copy_(torch.randn(components, generator=draw).log_softmax(0))
    return network


def covariances(network: epll.EPLL) -> np.ndarray:
    """In the basis of the prior, float64 (K, D, D), from the packed rows of the factors."""
    size = network.side**2 - 1
    found = np.zeros((len(network.factors), size, size))
    found[:, *np.tril_indices(size)] = network.factors.numpy()
    return found @ found.transpose(0, 2, 1)


def plain(network: epll.EPLL, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """EPLL of one plane in pixels, patch by patch: no basis, no packing, no bands."""
    side, basis = network.side, epll.patch_basis(network.side).numpy()
    priors = [basis.T @ one @ basis for one in covariances(network)]
    image = noisy
    for beta in network.betas:
        noise = sigma**2 / beta * np.eye(side**2)
        total, count = np.zeros_like(noisy), np.zeros_like(noisy)
        for top in range(noisy.shape[0] - side + 1):
            for left in range(noisy.shape[1] - side + 1):
                where = slice(top, top + side), slice(left, left + side)
                mean = image[where].mean()
                patch = image[where].ravel() - mean
                logs = [multivariate_normal(cov=one + noise).logpdf(patch) for one in priors]
                prior = priors[int(np.argmax(logs + network.log_weights.numpy()))]
                total[where] += (prior @ np.linalg.solve(prior + noise, patch) + mean).reshape(side, side)
                count[where] += 1
        image = (noisy / sigma**2 + beta / sigma**2 * total / count) / (1 / sigma**2 + beta / sigma**2)
    return image.clip(0, 1)


def test_the_basis_is_orthonormal_and_knows_no_mean():
    basis = epll.patch_basis(8)
    assert basis.shape == (63, 64)
    assert torch.allclose(basis @ basis.T, torch.eye(63, dtype=torch.float64))
    assert basis.sum(1).abs().max() < 1e-12


def test_packed_quadratic_forms_are_those_of_the_matrices():
    vectors, matrices = torch.randn(5, 7).double(), torch.randn(4, 5, 5).double()
    matrices = matrices + matrices.mT
    packed = epll.packed_precisions(matrices) @ epll.monomials(vectors)
    assert torch.allclose(packed, torch.einsum("in,kij,jn->kn", vectors, matrices, vectors))


@pytest.mark.parametrize("variance", [1e-4, 0.04])
def test_the_mixture_behind_noise_has_the_densities_of_its_gaussians(variance):
    network, points = small(), torch.randn(8, 6) * 0.3
    precisions, offsets = network.at(torch.tensor(variance, dtype=torch.float64))
    found = offsets[:, None] - 0.5 * (epll.packed_precisions(precisions) @ epll.monomials(points))
    noise = variance * np.eye(8)
    expected = [multivariate_normal(cov=one + noise).logpdf(points.T.numpy()) for one in covariances(network)]
    expected = np.array(expected) + network.log_weights.numpy()[:, None] + 4 * math.log(2 * math.pi)
    assert np.allclose(found.numpy(), expected, rtol=1e-3)


def test_every_vector_meets_its_own_matrix():
    matrices, vectors = torch.randn(4, 5, 5), torch.randn(5, 9)
    chosen = torch.tensor([2, 0, 2, 3, 3, 0, 2, 0, 0])  # none has the second
    expected = torch.stack([matrices[k] @ vector for k, vector in zip(chosen, vectors.T, strict=True)], dim=1)
    assert torch.allclose(epll.applied(matrices, chosen, vectors), expected, atol=1e-6)


def test_coverage_counts_the_patches_over_each_pixel():
    expected = np.zeros((9, 6))
    for top in range(7):
        for left in range(4):
            expected[top : top + 3, left : left + 3] += 1
    assert np.array_equal(epll.coverage(torch.zeros(1, 9, 6), 3).numpy(), expected)


@pytest.mark.parametrize("shape", [(3, 3), (7, 6), (4, 9)])
def test_the_whole_is_the_plain_version_in_pixels(shape):
    network, sigma = small(betas=(1, 4, 8)), 0.1
    noisy = np.random.default_rng(1).normal(0.5, 0.3, shape).astype(np.float32)
    found = network(torch.from_numpy(noisy)[None, None], torch.tensor([sigma]))[0, 0]
    assert np.allclose(found.numpy(), plain(network, noisy.astype(np.float64), sigma), atol=2e-4)


def test_bands_do_not_change_the_result(monkeypatch):
    network, noisy = small(), torch.rand(1, 1, 11, 9)
    whole = network(noisy, torch.tensor([0.1]))
    monkeypatch.setattr(epll, "CHUNK", 15)
    assert torch.allclose(network(noisy, torch.tensor([0.1])), whole, atol=1e-5)


def test_channels_and_images_are_restored_by_themselves_and_again_to_the_same_bits():
    network, noisy, sigma = small(), torch.rand(2, 3, 9, 12), torch.tensor([0.05, 0.2])
    found = network(noisy, sigma)
    assert torch.equal(found, network(noisy, sigma))
    for image in range(2):
        for channel in range(3):
            alone = network(noisy[image : image + 1, channel : channel + 1], sigma[image : image + 1])
            assert torch.equal(found[image, channel], alone[0, 0])


def test_without_noise_the_image_stays():
    noisy = torch.rand(1, 1, 9, 9)
    assert torch.allclose(small()(noisy, torch.zeros(1)), noisy, atol=1e-6)


def test_an_image_smaller_than_a_patch_is_refused():
    network = denoisers.build({"name": "epll", "components": 2})
    assert network(torch.rand(1, 1, 8, 8), torch.ones(1)).shape == (1, 1, 8, 8)
    with pytest.raises(UserError, match="EPLL: an image of 7x9 pixels, expected 8 on each side"):
        network(torch.rand(1, 1, 7, 9), torch.ones(1))


def test_the_released_prior_denoises_as_it_did():
    clean = data.camera()[100:164, 200:264]
    noisy = (clean + np.random.default_rng(0).normal(0, 25, clean.shape)).astype(np.float32)
    network, _ = load_network(RELEASED)
    assert psnr(to_uint8(apply.denoise(network, noisy, 25)), clean) == pytest.approx(28.825, abs=0.01)
