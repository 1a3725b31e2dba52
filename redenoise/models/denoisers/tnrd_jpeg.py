"""TNRD for JPEG: the diffusion of `tnrd`, after every stage brought back to images that compress to the same file.

Source: Chen, Pock, "Trainable Nonlinear Reaction Diffusion", IEEE TPAMI 2017, its part on JPEG; what the paper leaves
open as the authors' code has it: coefficients may lie within 0.4 of a quantisation step around the decoded ones, and
not 0.5. One network a quality, which `forward` is told, since it has to know the table of quantisation.

The integer coefficients are read back from the decoded image: rounding of its levels moves none by half a step but
where they were clipped.

Deviations: sides that are no multiples of 8 are extended by the edge, whose coefficients are then those of the extended
image and not of the file; the authors read them from the file. Training is that of a schedule of this project.
"""

import torch
import torch.nn.functional as F

from redenoise.models.cosines import dct
from redenoise.models.denoisers.tnrd import RANGE, TNRD, means, table_points
from redenoise.models.radial import gaussians, mirrored

BLOCK = 8
MIDDLE = 128.0
MARGIN = 5  # pixels that the image is extended by
SLACK = 0.4  # of a quantisation step, that a coefficient may move
# Table K.1 of the JPEG standard (ITU-T T.81), row by row: the luminance at quality 50.
STANDARD = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


class TNRDJpeg(TNRD):
    """`u <- P(u - sum over filters k of k^T phi(k u))` for every stage, P the projection onto what the file allows.

    Args:
        channels, stages, side: as of `TNRD`.
    """

    def __init__(self, channels: int = 1, stages: int = 4, side: int = 7) -> None:
        super().__init__(channels, stages, side)
        del self.log_steps  # nothing pulls towards the decoded image but the projection

    def forward(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Restore (N, 1, H, W) on the [0, 1] scale, of any size; the result lies in [0, 1].

        Args:
            degraded: decoded images.
            level: of each, its quality, 1 to 100, divided by 255.
        """
        height, width = degraded.shape[-2:]
        steps = quantisation(level * RANGE).to(degraded)[:, None, None, None]  # (N, 1, 1, 1, 8, 8)
        decoded = F.pad(degraded * RANGE - MIDDLE, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
        coefficients = (transformed(decoded) / steps).round()
        low, high = (coefficients - SLACK) * steps, (coefficients + SLACK) * steps
        image, points = restored(coefficients * steps), table_points(self.spacing)
        basis = gaussians(points, means(self.spacing), self.spacing)
        for stage in range(len(self.weights)):
            extended = mirrored(image, MARGIN)
            change = self._diffusion(extended, self.filters(stage), points, self.weights[stage] @ basis)
            moved = image - change[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
            image = restored(torch.minimum(torch.maximum(transformed(moved), low), high))
        return ((image + MIDDLE) / RANGE)[..., :height, :width]


def quantisation(quality: torch.Tensor) -> torch.Tensor:
    """The table of quantisation for the luminance, (N, 8, 8), at qualities (N,) of the Independent JPEG Group."""
    rounded = quality.double().round().clamp(1, 100)
    percent = torch.where(rounded < 50, (5000 / rounded).floor(), 200 - 2 * rounded)[:, None, None]
    table = torch.tensor(STANDARD, dtype=torch.float64, device=quality.device)
    return ((table * percent + 50) / 100).floor().clamp(1, 255)


def transformed(image: torch.Tensor) -> torch.Tensor:
    """The DCT of every block of images (N, 1, H, W): (N, 1, H / 8, W / 8, 8, 8)."""
    blocks = image.unfold(-2, BLOCK, BLOCK).unfold(-2, BLOCK, BLOCK)
    basis = dct(BLOCK).to(image)
    return basis @ blocks @ basis.T


def restored(coefficients: torch.Tensor) -> torch.Tensor:
    """Images of what `transformed` returns, clipped to the range that JPEG shifts its levels to."""
    basis = dct(BLOCK).to(coefficients)
    blocks = basis.T @ coefficients @ basis
    count, channels, rows, columns = blocks.shape[:4]
    image = blocks.transpose(-3, -2).reshape(count, channels, rows * BLOCK, columns * BLOCK)
    return image.clamp(-MIDDLE, MIDDLE - 1)


def build(channels: int = 1, stages: int = 4, side: int = 7) -> TNRDJpeg:
    """A `TNRDJpeg` with the given options."""
    return TNRDJpeg(channels, stages, side)
