"""What open choices are worth: both ways on the same crops, against a loop; one clear line where nothing is built."""

import csv
from pathlib import Path

import numpy as np
import pytest

from redenoise.commands import choices
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.data.images import read_image
from redenoise.measure.inputs import read_noisy
from redenoise.models.filters import bm3d
from redenoise.support.errors import UserError
from stages.synthesize.node import run as synthesize
from tests.training_project import small_demo


@pytest.fixture
def small(project: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A built set of noisy images, and the filters' choices alone, the dear ones left out."""
    config = small_demo()
    synthesize(config, "set12")
    cheap = [choice for choice in choices._of_filters() if choice.method == "BM3D" and 50 in choice.sigmas]
    monkeypatch.setattr(choices, "choices", lambda config: cheap)
    monkeypatch.setattr(choices, "SIDE", 24)
    return config


def by_hand(config: Config, steps: tuple) -> list[float]:
    """PSNR of the crops at sigma 50."""
    found = []
    for name in ("image0", "image1"):
        crop = np.s_[8:32, 6:30]  # the middle 24 of 40 rows and of 36 columns
        clean = read_image(paths.data("demo", "set12") / f"{name}.png")[crop].astype(float)
        noisy = read_noisy(paths.noisy("demo", "set12") / "sigma50" / f"{name}.npy")[crop]
        error = np.clip(bm3d.denoise(noisy, 50.0, steps), 0, 255).round() - clean
        found.append(10 * np.log10(255**2 / np.square(error).mean()))
    return found


def test_both_ways_on_the_same_crops(small: Config, capsys: pytest.CaptureFixture):
    choices.main(["--scale", "demo"])
    with open("reports/choices/demo.csv", encoding="utf-8") as stream:
        row = next(row for row in csv.DictReader(stream) if row["instead"] == "np")
    chosen, instead = (by_hand(small, steps) for steps in (bm3d.VERY_NOISY, bm3d.NORMAL))
    change = np.subtract(instead, chosen)
    expected = [np.mean(chosen), np.mean(instead), change.mean(), change.min(), change.max()]
    found = [float(row[name]) for name in ("psnr", "psnr_instead", "change", "lowest", "highest")]
    assert found == pytest.approx(expected, abs=6e-4) and abs(found[2]) > 0.01 and row["images"] == "2"
    assert "reports/choices/demo.md" in capsys.readouterr().out
    assert f"{row['change']} " in Path("reports/choices/demo.md").read_text(encoding="utf-8")


def test_what_is_not_clipped_keeps_its_fractions():
    sample = choices.Sample(np.full((16, 16), 128, np.uint8), np.full((16, 16), 128, np.float32), 5.0)
    sample.noisy[::2] += 1.0
    error = bm3d.denoise(sample.noisy, 5.0) - 128.0
    assert choices._unrounded(sample) == pytest.approx(10 * np.log10(255**2 / np.square(error).mean()), rel=1e-6)


def test_one_field_of_noise_for_all_channels():
    clean = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    noise = np.random.default_rng(0).normal(0, 9, clean.shape).astype(np.float32)
    noisy = choices._one_field(choices.Sample(clean, clean + noise, 9.0)).noisy
    assert np.allclose(noisy - clean, noise[..., :1], atol=1e-5)


def test_a_scale_that_is_not_built(project: Path):
    with pytest.raises(UserError, match=r"weights.epll"):
        choices.main(["--scale", "demo"])


def test_a_set_without_the_level(small: Config):
    with pytest.raises(UserError, match=r"noisy/set12: no images at sigma 7; run"):
        choices.samples(small, "set12", 7)
