"""TNRD for super-resolution: the diffusion of `tnrd`, pulled towards images that shrink to the small one.

Source: Chen, Pock, "Trainable Nonlinear Reaction Diffusion", IEEE TPAMI 2017, its part on super-resolution; what the
paper leaves open as the authors' code has it: shrinking and enlarging are MATLAB's `imresize`, the step is divided by
the scale's square. One network a scale, which `forward` is told.

Deviations: the small image is found again from the enlarged one, of which it is the only one, up to the precision of
float32; training is that of a schedule of this project.
"""

import torch

from redenoise.data.imresize import taps
from redenoise.models.denoisers.tnrd import RANGE, TNRD, means, table_points
from redenoise.models.radial import gaussians, mirrored


class TNRDBicubic(TNRD):
    """`u <- u - (p B^T(B u - small) / scale^2 + sum over filters k of k^T phi(k u))`, B and B^T of `imresize`.

    Args:
        channels, stages, side: as of `TNRD`.
    """

    def forward(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Restore (N, 1, H, W) on the [0, 1] scale, sides multiples of the scale; the result lies in [0, 1].

        Args:
            degraded: images enlarged by `imresize`, all by one scale.
            level: of each, the scale, divided by 255.
        """
        scale = round(float(level.flatten()[0]) * RANGE)
        height, width = degraded.shape[-2:]
        margin = -(-(self.side - 1) // scale) * scale  # 6 pixels for 7x7 at scales 2 and 3, 8 at 4
        image = mirrored(degraded * RANGE, margin)
        small = mirrored(shrunk_before(degraded * RANGE, scale), margin // scale)
        shrink, enlarge = (both(image, scale, larger) for larger in (False, True))
        points = table_points(self.spacing)
        basis = gaussians(points, means(self.spacing), self.spacing)
        for stage in range(len(self.weights)):
            change = self._diffusion(image, self.filters(stage), points, self.weights[stage] @ basis)
            missing = enlarge[0] @ (shrink[0] @ image @ shrink[1].T - small) @ enlarge[1].T
            moved = image - self.log_steps[stage].exp() * missing / scale**2 - change
            inside = moved[..., margin : margin + height, margin : margin + width].clamp(0.0, RANGE)
            image = mirrored(inside, margin)
        return inside / RANGE


def resizing(old: int, new: int) -> torch.Tensor:
    """`imresize` of a line as a matrix, float64 (new, old)."""
    weights, places = (torch.from_numpy(part) for part in taps(old, new))
    return torch.zeros(new, old, dtype=torch.float64).scatter_add_(1, places, weights)


def both(image: torch.Tensor, scale: int, larger: bool) -> list[torch.Tensor]:
    """The matrices that shrink the rows and the columns of images (N, 1, H, W), or enlarge what was shrunk."""
    sizes = [(side // scale, side) if larger else (side, side // scale) for side in image.shape[-2:]]
    return [resizing(*pair).to(image) for pair in sizes]


def shrunk_before(enlarged: torch.Tensor, scale: int) -> torch.Tensor:
    """The images (N, 1, H / scale, W / scale) of which `imresize` has made these larger ones, by least squares."""
    rows, columns = (torch.linalg.pinv(matrix) for matrix in both(enlarged.double(), scale, larger=True))
    return (rows @ enlarged.double() @ columns.T).to(enlarged)


def build(channels: int = 1, stages: int = 5, side: int = 7) -> TNRDBicubic:
    """A `TNRDBicubic` with the given options."""
    return TNRDBicubic(channels, stages, side)
