"""Large pictures through a network in overlapping tiles, with the pixels of the whole to the last rounding.

A tile is extended on every side by as far as a pixel of the network looks, and starts where the network's own grid
would in the whole picture. Networks whose pixels look at the whole picture (CSF: a Fourier transform), or that bound
their own memory (EPLL), or that this module does not know, take pictures whole.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from redenoise.support.errors import UserError
from redenoise.support.progress import progress

SIDE = 768  # pixels of a tile without its margin; a multiple of all steps below


class Reach(NamedTuple):
    """How far a network looks from a pixel, and the grid that it lays over an image, in pixels.

    `margin` is a multiple of `step`.
    """

    margin: int
    step: int


def _convolutions(network: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in network.modules())


def _multiscale(network: nn.Module) -> Reach:
    """The stem looks 2 pixels far, an encoder at 1 / 2^l three such pixels, a decoder as much on the way back.

    Summed over two to eight scales, with a pooling before each encoder, that is less than 9 pixels of the coarsest.
    """
    step = 2 ** len(network.encoders)  # type: ignore[arg-type]
    return Reach(9 * step, step)


def _mlp(network: nn.Module) -> Reach:
    """Patches on a grid, each of which changes a smaller one in its centre."""
    step = 3  # redenoise.models.denoisers.mlp.STRIDE
    return Reach(step * math.ceil((network.side + network.inner) / 2 / step), step)  # type: ignore[operator]


REACH: dict[str, Callable[[nn.Module], Reach]] = {
    "dncnn": lambda network: Reach(_convolutions(network), 1),
    "ffdnet": lambda network: Reach(2 * _convolutions(network) + 2, 2),  # at half the resolution
    "multiscale": _multiscale,
    "mlp": _mlp,
    # Two filters a stage.
    "tnrd": lambda network: Reach(len(network.log_steps) * 2 * (network.side // 2), 1),  # type: ignore[arg-type,operator]
}


class Tiled(nn.Module):
    """A network that takes an image of any size, on a device of its own.

    Args:
        network: in evaluation mode.
        name: its module in redenoise/models/denoisers.
        device: where it computes; images come from the CPU and go back there.
        side: of a tile; an image of no more pixels than a tile is taken whole.
    """

    def __init__(self, network: nn.Module, name: str, device: torch.device, side: int = SIDE) -> None:
        super().__init__()
        self.name, self.device, self.side = name, device, side
        self.reach = REACH[name](network) if name in REACH else None
        self.layout = torch.channels_last if self.reach else torch.contiguous_format  # faster on a CPU
        self.network = network.to(device).to(memory_format=self.layout)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale, with sigma (N,) on the same scale.

        Raises:
            UserError: the memory does not suffice.
        """
        height, width = noisy.shape[-2:]
        if self.reach is None or height * width <= self.side**2:
            return self._part(noisy, sigma)
        output = torch.empty_like(noisy)
        corners = [(top, left) for top in range(0, height, self.side) for left in range(0, width, self.side)]
        for top, left in progress(corners, len(corners), f"{width}x{height}", unit="tile"):
            rows, inner_rows = self._span(top, height)
            columns, inner_columns = self._span(left, width)
            part = self._part(noisy[..., rows, columns], sigma)[..., inner_rows, inner_columns]
            output[..., top : top + self.side, left : left + self.side] = part
        return output

    def _span(self, start: int, size: int) -> tuple[slice, slice]:
        """Along one axis: what a tile takes of the image, and where its result lies in that."""
        assert self.reach is not None
        first = max(0, start - self.reach.margin)
        end = min(size, start + self.side)
        return slice(first, min(size, end + self.reach.margin)), slice(start - first, end - first)

    def _part(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        try:
            image = noisy.to(self.device).contiguous(memory_format=self.layout)
            return self.network(image, sigma.to(self.device)).cpu()
        except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            height, width = noisy.shape[-2:]
            whole = f", and {self.name} takes pictures whole" if self.reach is None else ""
            raise UserError(f"{width}x{height} pixels: no memory left{whole}; cut it, or take another method") from None


class ByChannel(nn.Module):
    """A network for gray images, taken to every channel of a colour one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale, with sigma (N,) on the same scale."""
        return torch.cat([self.network(plane, sigma) for plane in noisy.split(1, dim=1)], dim=1)
