"""The fit of EPLL's prior: its patches, one update against its definition, and the release."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from redenoise.commands import prior
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.dag.indexed import write_index
from redenoise.data.images import write_png
from redenoise.models.denoisers.epll import patch_basis
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_file
from redenoise.training import gaussians
from stages.released.node import run as index_released
from tests.test_epll import covariances, small
from tests.training_project import INDEX


def pictures(count: int = 3) -> list[np.ndarray]:
    """Noise of different contrast and brightness, uint8."""
    draw = np.random.default_rng(0)
    return [draw.normal(60 + 50 * k, 4 + 8 * k, (20 + k, 30 - k)).round().astype(np.uint8) for k in range(count)]


def test_patches_are_places_of_the_images_in_equal_shares():
    images = pictures()
    patches = gaussians.draw_patches(images, 7, 4, seed=1)
    assert patches.shape == (7, 4, 4) and np.array_equal(patches, gaussians.draw_patches(images, 7, 4, seed=1))
    assert not np.array_equal(patches, gaussians.draw_patches(images, 7, 4, seed=2))
    places = [np.lib.stride_tricks.sliding_window_view(image, (4, 4)).reshape(-1, 16) for image in images]
    owners = [next(k for k, found in enumerate(places) if (found == patch.ravel()).all(1).any()) for patch in patches]
    assert sorted(np.bincount(owners)) == [2, 2, 3] and owners != sorted(owners)


@pytest.mark.parametrize(
    ("images", "found"), [([], "no images to draw patches from"), (pictures(), "patches of 21 pixels, .* side of 20")]
)
def test_what_patches_cannot_be_drawn_from_is_refused(images, found):
    with pytest.raises(UserError, match=found):
        gaussians.draw_patches(images, 10, 21, seed=0)


def test_one_update_is_em_by_its_definition(monkeypatch):
    monkeypatch.setattr(gaussians, "CHUNK", 7)  # the last batch is smaller
    network, patches = small(), gaussians.draw_patches(pictures(), 40, 3, seed=0)
    mass, moments, likelihood = gaussians.statistics(network, patches, 0.02)
    weights, found = gaussians.mixture(mass, moments)
    points = patches.reshape(40, 9) / 255 @ patch_basis(3).numpy().T  # (n, D)
    blur = 0.02**2 * np.eye(8)
    logs = np.array([multivariate_normal(cov=one + blur).logpdf(points) for one in covariances(network)])
    logs += network.log_weights.numpy()[:, None]
    shares = np.exp(logs - logsumexp(logs, axis=0))
    assert likelihood == pytest.approx(logsumexp(logs, axis=0).mean(), rel=1e-4)
    assert np.allclose(weights.numpy(), shares.mean(1), atol=1e-4)
    expected = np.einsum("kn,ni,nj->kij", shares, points, points) / shares.sum(1)[:, None, None]
    assert np.allclose(found.numpy(), expected, rtol=1e-2, atol=1e-6)


def test_the_fit_tells_contrasts_apart_and_is_the_same_again():
    patches = gaussians.draw_patches(pictures(), 3000, 3, seed=0)
    seen: list[float] = []
    fitted = gaussians.fit(patches, 3, 700, [0.01] * 5, lambda _, likelihood: seen.append(likelihood))
    assert len(seen) == 20 and seen[-4] > seen[0]
    contrasts = np.sqrt(np.sort([np.trace(one) / 8 for one in covariances(fitted)])) * 255
    assert np.allclose(contrasts, [4, 12, 20], rtol=0.2)
    assert np.allclose(fitted.log_weights.exp(), 1 / 3, atol=0.1)
    assert torch.equal(fitted.factors, gaussians.fit(patches, 3, 700, [0.01] * 5).factors)


def test_a_component_without_patches_does_not_end_the_fit():
    patches = np.full((10, 3, 3), 9, np.uint8)
    fitted = gaussians.fit(patches, 2, 5, (0.01, 0))
    assert fitted.factors.isfinite().all() and fitted.log_weights.isfinite().all()


@pytest.fixture
def training_images(project):
    """A project with three images of the split that is taken, and one that is not."""
    folder = paths.data("bench", prior.DATA)
    rows = []
    for k, image in enumerate([*pictures(), np.zeros((4, 4), np.uint8)]):
        write_png(folder / f"{k}.png", image)
        facts = (str(k), f"{k}.png", *image.shape, "train" if k < 3 else "test", "", sha256_file(folder / f"{k}.png"))
        rows.append(dict(zip(INDEX, facts, strict=True)))
    write_index(folder, INDEX, rows)


def test_a_prior_is_released_with_its_card(training_images, monkeypatch, capsys):
    for name, value in {"COMPONENTS": 3, "SIDE": 5, "PATCHES": 200, "BATCH": 100, "BLURS": (0.01, 0)}.items():
        monkeypatch.setattr(prior, name, value)
    prior.main([])
    path = paths.WEIGHTS / "epll-model.safetensors"
    assert "update 4: log likelihood" in (shown := capsys.readouterr().out) and str(path) in shown
    card = read_json(path.with_suffix(".json"))
    assert card["images"] == 3 and len(card["likelihood"]) == 4 and card["parameters"] == 3 * (1 + 24 * 25 // 2)
    network, spec = load_network(path)
    assert spec == card["network"] and card["sha256"] == sha256_file(path)
    fitted, _ = prior.fit(load_config("bench"))
    assert torch.allclose(network.factors, fitted.factors, rtol=1e-3, atol=1e-6)
    assert "[epll-model](epll-model.json)" in (paths.WEIGHTS / "README.md").read_text()
    index_released(load_config("bench"))  # takes the card


def test_refusals_are_one_line(training_images):
    with pytest.raises(UserError, match="--name 'epll': expected <family>-<model>"):
        prior.main(["--name", "epll"])
    write_index(paths.data("bench", prior.DATA), INDEX, [])
    with pytest.raises(UserError, match=r"no images of the split 'train'; run `python -m stages.download`"):
        prior.main([])
