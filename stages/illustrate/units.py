"""Figures 5 and 10 of Kligvasser et al. 2018: what the xUnits of a network let through."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.measure.apply import denoise
from redenoise.measure.degradations import bicubic
from redenoise.measure.items import to_uint8
from redenoise.measure.networks import Folder
from redenoise.measure.noise import add_noise
from redenoise.models.denoisers.xdncnn import XUnit
from redenoise.models.weights import load_network
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import Figure, below, beside, framed, grid, not_made, panel, shown, words
from stages.illustrate.methods import example, first_reason

SIGMA, SCALE = 25, 3
SIDE = 252  # of the middle of the photograph, in pixels: a multiple of the scale
TILE = 48  # of a map, in pixels, at most
COLUMNS = 8
BRIGHTEST = 99.5  # percentile of the magnitudes of a map that is shown as black or white
MAPS = ("feature maps z", "activation maps g", "products z g")
HOW = (
    "Features and products are gray at zero, black and white at the largest magnitudes of each map; activations are "
    "black at 0 and white at 1."
)


def figure5(config: Config) -> Figure:
    """The maps of the fourth xUnit of xDnCNN, or of its last where a miniature has fewer.

    Deviations: the paper has a ConvNet and an xNet of 4 layers, trained to give the clean image directly, of which no
    weights are published, and does not name its image.
    """
    family = config.params["figures"]["units"]
    title = "Figure 5 of Kligvasser et al. 2018: what the xUnits of xDnCNN let through"
    caption = (
        f"The middle of a photograph with noise of sigma = {SIGMA}, and the maps of the fourth xUnit of xDnCNN (the "
        f"last, where there are fewer). {HOW} The paper shows networks of 4 layers, whose weights are not published."
    )

    def noisy(name: str, clean: np.ndarray) -> np.ndarray:
        return add_noise(clean, seed=config.params["seed"], dataset="photographs", image=name, sigma=SIGMA)

    return _figure(config, title, caption, family, ("sigma", SIGMA), 4, noisy)


def figure10(config: Config) -> Figure:
    """The maps of the second xUnit of xSRCNN-f. Deviations: SRCNN is not shown beside it; the image is another."""
    family = config.params["figures"]["upscaling"]
    title = "Figure 10 of Kligvasser et al. 2018: what the xUnits of xSRCNN-f let through"
    caption = (
        f"The middle of a photograph at a resolution {SCALE} times lower, enlarged by bicubic interpolation, and the "
        f"maps of the second xUnit of xSRCNN-f. {HOW} The paper shows SRCNN beside it, and another image."
    )

    def smaller(name: str, clean: np.ndarray) -> np.ndarray:
        return bicubic.degrade(clean, SCALE, np.zeros).astype(np.float32)

    return _figure(config, title, caption, family, ("scale", SCALE), 2, smaller)


def maps(network: nn.Module, degraded: np.ndarray, level: float, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Features z and activations g of one xUnit of a network.

    Args:
        degraded: float32 (H, W), [0, 255] scale.
        level: of the noise.
        number: of the xUnit, from 1 on; the last one if there are fewer.

    Returns:
        float32 (C, H, W) each, before the gate and of the gate alone, in [0, 1]; their product is what goes on.
    """
    units = [module for module in network.modules() if isinstance(module, XUnit)]
    unit, caught = units[min(number, len(units)) - 1], []
    hook = unit.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    denoise(network, degraded, level)
    hook.remove()
    with torch.inference_mode():
        features = unit.convolution(caught[0])
        gate = torch.exp(-unit.gate(features).square())
    return features[0].numpy(), gate[0].numpy()


def as_gray(signed: np.ndarray) -> np.ndarray:
    """A map, (H, W), as uint8: 128 at zero, black and white at its largest magnitudes, of either sign."""
    largest = np.percentile(np.abs(signed), BRIGHTEST) or 1.0
    return to_uint8(128.0 + 127.0 * signed / largest)


def _figure(
    config: Config,
    title: str,
    caption: str,
    family: str,
    served: tuple[str, int],
    number: int,
    degrade: Callable[[str, np.ndarray], np.ndarray],
) -> Figure:
    folder, data = paths.weights(config.scale, family), paths.data(config.scale, config.params["figures"]["examples"])
    kind, level = served
    source = Folder(folder, kind)
    if reason := first_reason(data, folder) or source.missing_levels().get(level):
        return not_made(title, caption, reason)
    name, clean = example(data, SIDE)
    network, _ = load_network(source.path_for(level))
    degraded = degrade(name, clean)
    features, gate = maps(network, degraded, level, number)
    open_ones = 100 * float((gate > 0.5).mean())
    caption += f" Here the image is `{name}`; {fixed(open_ones, 1)} % of the activations are above 0.5."
    tiles = [map(as_gray, features), map(to_uint8, 255 * gate), map(as_gray, features * gate)]
    mosaics = [framed(below([words(text, 300), mosaic(list(found))])) for text, found in zip(MAPS, tiles, strict=True)]
    seen = [panel(shown(to_uint8(image), SIDE), text) for image, text in ((degraded, "input"), (clean, "clean"))]
    return Figure(title, caption, framed(beside([below(seen), *mosaics])))


def mosaic(tiles: list[np.ndarray]) -> np.ndarray:
    """Maps in rows of `COLUMNS`; the last row is filled with white."""
    small = [shown(tile, TILE) for tile in tiles]
    small += [np.full_like(small[0], 255)] * (-len(small) % COLUMNS)
    return grid([small[start : start + COLUMNS] for start in range(0, len(small), COLUMNS)])
