"""MLP: plain fully connected layers from a noisy patch to a smaller clean one.

Source: Burger, Schuler, Harmeling, "Image denoising: Can plain neural networks compete with BM3D?", CVPR 2012, sections
3 and 4; stride, weighting of the overlaps and borders as in the authors' code. One network a noise level, which it is
not told.

Deviation: it is trained on what it makes of whole patches of a schedule, overlaps averaged, and not on single outputs.
"""

import torch
from torch import nn

MEAN, SCALE = 0.5, 0.2  # an image on the [0, 1] scale enters as (image - MEAN) / SCALE
STRIDE = 3  # between patches; the last rows and columns are always among them
AT_ONCE = 4096  # patches


class MLP(nn.Module):
    """Layers with tanh between them, on overlapping patches whose results are averaged with Gaussian weights.

    Args:
        channels: 1.
        depth: number of hidden layers.
        width: of each.
        side: of the patches that it sees.
        inner: side of the patches that it returns, the centre of those; both odd or both even.
    """

    def __init__(self, channels: int = 1, depth: int = 4, width: int = 2047, side: int = 39, inner: int = 17) -> None:
        super().__init__()
        if channels != 1 or inner > side or (side - inner) % 2:
            raise ValueError(f"channels {channels}, side {side}, inner {inner}; expected 1, and inner in side's centre")
        self.side, self.inner = side, inner
        sizes = [side**2, *[width] * depth, inner**2]
        layers: list[nn.Module] = []
        for number in range(depth + 1):
            layers += [nn.Linear(sizes[number], sizes[number + 1]), nn.Tanh()]
        self.layers = nn.Sequential(*layers[:-1])
        self.register_buffer("window", gaussian_window(inner), persistent=False)

    window: torch.Tensor

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, 1, H, W) on the [0, 1] scale, with sides above half of side - inner. Sigma is not used.

        The image is mirrored at its borders, the edge not repeated.
        """
        count, _, height, width = noisy.shape
        extended = nn.functional.pad((noisy - MEAN) / SCALE, [(self.side - self.inner) // 2] * 4, mode="reflect")
        rows, columns = (starts(size - self.side).to(noisy.device) for size in extended.shape[-2:])
        views = extended[:, 0].unfold(1, self.side, 1).unfold(2, self.side, 1)  # (N, rows, columns, side, side)
        patches = views[:, rows][:, :, columns].reshape(-1, self.side**2)
        estimates = torch.cat([self.layers(part).float() for part in patches.split(AT_ONCE)])
        # Where the pixels of every result lie in the image, (patches, inner^2).
        pixels = torch.arange(self.inner, device=noisy.device)
        places = (rows[:, None] + pixels)[:, None, :, None] * width + (columns[:, None] + pixels)[None, :, None, :]
        offsets = torch.arange(count, device=noisy.device)[:, None, None, None, None] * (height * width)
        index = (offsets + places).flatten()
        weights = self.window.expand(len(estimates), -1)
        total, weight = (
            torch.zeros(count * height * width, device=noisy.device).index_add(0, index, values.flatten())
            for values in (estimates * weights, weights)
        )
        return (total / weight).view_as(noisy) * SCALE + MEAN


def build(channels: int = 1, depth: int = 4, width: int = 2047, side: int = 39, inner: int = 17) -> MLP:
    """An `MLP` with the given options."""
    return MLP(channels, depth, width, side, inner)


def starts(last: int) -> torch.Tensor:
    """First rows, or columns, of the patches: 0, STRIDE, ... and `last`."""
    return torch.unique(torch.cat((torch.arange(0, last + 1, STRIDE), torch.tensor([last]))))


def gaussian_window(side: int) -> torch.Tensor:
    """Weights of the pixels of a result, (side^2,): a Gaussian around the pixel ceil(side / 2), counted from 1."""
    distances = torch.arange(side) + 1.0 - (side + 1) // 2
    wave = torch.exp(-0.5 * (distances / (side // 2 / 2)) ** 2)
    return torch.outer(wave, wave).flatten()
