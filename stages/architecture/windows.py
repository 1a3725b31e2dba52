"""How large a square of the noisy image a method without layers draws on: its effective patch size.

As Zhang et al. 2017, section III-B, reckon it: windows that follow one another add up, each by its side less the pixel
in its centre, so `1 + sum of (side - 1)`. The windows are those of the methods as they run here; which they are is said
at each. Of a method that searches for similar patches the search windows count and the patches in them do not.
"""

import math
from collections.abc import Iterator
from typing import Any

from redenoise.models.block_matching import WINDOW
from redenoise.models.denoisers.epll import EPLL
from redenoise.models.denoisers.mlp import MLP
from redenoise.models.filters import bm3d, wnnm

SIGMA = 25  # the noise level of table I


def sizes(families: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Name and effective patch size in pixels of the filters, and of the families that look at patches."""
    yield "bm3d", effective(bm3d_windows())
    yield "wnnm", effective(wnnm_windows())
    for key, entry in families.items():
        options = {name: value for name, value in entry["network"].items() if name != "name"}
        if (windows := OF_PATCHES.get(entry["network"]["name"])) is not None:
            yield key, effective(windows(options))


def effective(windows: list[int]) -> int:
    """Side in pixels of what windows of these sides draw on, one after the other."""
    return 1 + sum(side - 1 for side in windows)


def bm3d_windows() -> list[int]:
    """The search window, once a step."""
    return [WINDOW] * len(bm3d.VERY_NOISY if SIGMA > bm3d.HIGH_SIGMA else bm3d.NORMAL)


def wnnm_windows() -> list[int]:
    """The search window, each time that patches are matched."""
    return [2 * wnnm.RADIUS + 1] * math.ceil(wnnm.parameters_for(SIGMA).iterations / wnnm.REMATCH)


def epll_windows(options: dict[str, Any]) -> list[int]:
    """The patch, once a pass."""
    network = EPLL(**{**options, "components": 1})  # their number has no part in it
    return [network.side] * len(network.betas)


def mlp_windows(options: dict[str, Any]) -> list[int]:
    """The patch that it sees, and the one that it returns, over which the results around a pixel are averaged."""
    network = MLP(**{**options, "width": 1})  # it has no part in it
    return [network.side, network.inner]


OF_PATCHES = {"epll": epll_windows, "mlp": mlp_windows}
