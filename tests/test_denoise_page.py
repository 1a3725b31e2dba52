"""The page of `redenoise denoise --compare` in a browser, from disk: names, measures, widths, accessibility."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from redenoise.commands import main as commands
from redenoise.measure.metrics import psnr
from tests import accessibility
from tests.browser import Browser
from tests.conftest import ROOT

NAMES = {"cat.png": data.chelsea()[100:164, 100:500], f"{'a_name_without_a_break_' * 4}.png": data.camera()[:60, :80]}
FIGURES = """return [...document.querySelectorAll('figure')].map(figure => {
  const image = figure.querySelector('img');
  return [image.alt, figure.innerText.trim(), image.naturalWidth, Math.round(image.getBoundingClientRect().width)];
})"""
BEYOND = """return [...document.querySelectorAll('body *')].filter(part => part.getBoundingClientRect().right >
  document.documentElement.clientWidth + 1).map(part => part.outerHTML.slice(0, 100))"""
LOADED = "return [...document.images].every(image => { image.loading = 'eager'; return image.complete; })"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two pictures, measured against clean ones."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, image in NAMES.items():
        noisy = np.clip(image + np.random.default_rng(0).normal(0, 20, image.shape), 0, 255).astype(np.uint8)
        for kind, pixels in (("clean", image), ("noisy", noisy)):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / name)
    options = ("--clean", folder / "clean", "--compare", "noisy,bm3d", "--sigma", 20)
    mode = torch.get_deterministic_debug_mode()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        commands.main(["denoise", *map(str, (folder / "noisy", "--out", folder / "out", *options))])
    torch.set_deterministic_debug_mode(mode)
    return folder / "out/compare.html"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (375, False), (375, True)])
def test_the_page_names_and_measures_every_picture_and_fits_the_window(
    page: Path, window: Browser, width: int, dark: bool
):
    window.resize(width, 800, dark)
    window.open(page)
    window.wait(LOADED)
    assert window.run("return document.title") == window.text("h1") != ""
    assert sorted(window.texts("h2")) == sorted(NAMES)
    figures = window.run(FIGURES)
    assert len(figures) == len(NAMES) * len(("noisy", "bm3d", "clean"))
    for alternative, caption, natural, shown in figures:
        name, _, what = alternative.partition(": ")
        assert what == caption
        assert natural == NAMES[name].shape[1] and shown == min(natural, width - 32)
        if caption.startswith("noisy:"):
            given = np.asarray(Image.open(page.parents[1] / "noisy" / name))
            assert caption.startswith(f"noisy: PSNR {psnr(given, NAMES[name]):.2f} dB, SSIM 0.")
        assert caption == "clean" or " PSNR " in caption
    assert window.run(BEYOND) == []
    assert accessibility.violations(window, accessibility.source()) == []
    assert window.complaints() == []
