"""Functions of one variable as sums of Gaussians, as TNRD and CSF learn them; their filters and borders.

A function is tabulated once for all pixels of an image and interpolated linearly, as in the code of both papers.
"""

from collections.abc import Callable

import numpy as np
import torch

from redenoise.models.cosines import dct


def gaussians(points: torch.Tensor, means: torch.Tensor, spacing: torch.Tensor) -> torch.Tensor:
    """Gaussians as wide as their `spacing`, at some points: (P,) and means (M,) to (M, P)."""
    return torch.exp(-0.5 * ((points - means[:, None]) / spacing) ** 2)


def fitted(function: Callable[[np.ndarray], np.ndarray], means: np.ndarray, spacing: float) -> torch.Tensor:
    """Weights (M,) of the Gaussians whose sum comes closest to a function between the outer means (M,)."""
    points = np.linspace(means[0], means[-1], 10 * len(means))
    basis = np.exp(-0.5 * ((points[:, None] - means) / spacing) ** 2)
    return torch.from_numpy(np.linalg.lstsq(basis, function(points), rcond=1e-6)[0].astype(np.float32))


def interpolated(values: torch.Tensor, points: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    """A function of every channel at its values, linear between the entries of its table.

    Args:
        values: (N, C, H, W).
        points: (P,), evenly spaced and rising.
        tables: (C, P), the functions at `points`; beyond them a function keeps its last value.
    """
    last = len(points) - 1
    places = ((values - points[0]) / (points[1] - points[0])).clamp(0, last)
    below = places.detach().long().clamp(max=last - 1)
    index = below + torch.arange(len(tables), device=tables.device).view(1, -1, 1, 1) * len(points)
    low, high = (tables.flatten().index_select(0, place.flatten()).view_as(values) for place in (index, index + 1))
    return torch.lerp(low, high, places - below)


def mirrored(image: torch.Tensor, margin: int) -> torch.Tensor:
    """Images (N, C, H, W) extended on all sides by mirroring with the edge repeated, as often as it takes."""
    for axis in (-2, -1):
        size = image.shape[axis]
        place = torch.arange(-margin, size + margin, device=image.device) % (2 * size)
        image = image.index_select(axis, torch.where(place < size, place, 2 * size - 1 - place))
    return image


def dct_basis(side: int) -> torch.Tensor:
    """Images of the 2-D orthonormal DCT but for the constant one, (side^2 - 1, side, side).

    In the order of the authors' files: of the frequencies of rows and columns, that of rows runs fastest.
    """
    waves = dct(side)
    return torch.einsum("iy,jx->jiyx", waves, waves).reshape(-1, side, side)[1:].float()
