"""EPLL: expected patch log likelihood under a Gaussian mixture of patches; every channel by itself.

Source: Zoran and Weiss, "From Learning Models of Natural Image Patches to Whole Image Restoration", ICCV 2011, with the
settings of the authors' code for denoising: half quadratic splitting with beta sigma^2 = 1, 4, 8, 16, 32, one pass
each, and in every pass the Wiener filter of the most likely component alone.

What the paper leaves to the code: a pass averages all patches that cover a pixel, fewer at the border, and weighs that
average everywhere as inside; the result is clipped to [0, 1].

Deviations: the prior is fitted by this project (`redenoise prior`), since the authors' one comes without a licence. It
lives in the space without the constant patch, where the authors' covariances have a zero eigenvalue. Colour is
not in the paper: each channel of RGB is restored with the gray prior.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.cosines import dct
from redenoise.support.errors import UserError

CHUNK = 4096  # patches at a time: 33 MB of products at a side of 8


class EPLL(nn.Module):
    """A mixture of zero-mean Gaussians of patches without their mean, and the image that it expects behind noise.

    With D = side^2 - 1 coefficients a patch, the buffers are `log_weights` (K,), of the mixture, and `factors`
    (K, D (D + 1) / 2): lower triangles, row by row, of the Cholesky factors of the covariances, [0, 1] scale. A network
    as built has one and the same white prior in all components.

    Args:
        components: Gaussians K.
        side: of the patches in pixels.
        channels: of the images; the prior is that of one.
        betas: of the passes, in units of 1 / sigma^2.
    """

    log_weights: torch.Tensor
    factors: torch.Tensor

    def __init__(
        self, components: int = 200, side: int = 8, channels: int = 1, betas: Sequence[float] = (1, 4, 8, 16, 32)
    ) -> None:
        super().__init__()
        self.side, self.betas = side, betas
        size = side**2 - 1
        row, column = torch.tril_indices(size, size)
        self.register_buffer("log_weights", torch.full((components,), 1.0 / components).log())
        self.register_buffer("factors", (row == column).float().mul(0.1).repeat(components, 1))

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale, with sigma (N,) on the same scale; any sigma from 0 on.

        Raises:
            UserError: an image is smaller than a patch.
        """
        if min(noisy.shape[-2:]) < self.side:
            found = "x".join(map(str, noisy.shape[-2:]))
            raise UserError(f"EPLL: an image of {found} pixels, expected {self.side} on each side; leave it out")
        return torch.stack([self._denoise(image, level) for image, level in zip(noisy, sigma, strict=True)])

    def _denoise(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """One image (C, H, W): section 3.2 of the paper, with both weights multiplied by sigma^2."""
        denoised = noisy
        for beta in self.betas:
            expected = self._expected(denoised, sigma**2 / beta)
            denoised = (noisy + beta * expected) / (1 + beta)
        return denoised.clamp(0, 1)

    def _expected(self, planes: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        """Planes (C, H, W) from the averages of their most likely patches behind noise of a variance."""
        precisions, offsets = self.at(variance)
        packed = packed_precisions(precisions)  # (K, D (D + 1) / 2)
        basis = patch_basis(self.side).to(planes)  # (D, P), P = side^2
        noise = torch.zeros_like(planes)
        height, width = (length - self.side + 1 for length in planes.shape[-2:])  # positions of patches
        band = max(1, CHUNK // width)
        for plane, total in zip(planes, noise, strict=True):
            for top in range(0, height, band):
                rows = slice(top, top + min(band, height - top) + self.side - 1)
                patches = F.unfold(plane[None, None, rows], self.side)[0]  # (P, n)
                coefficients = basis @ patches  # (D, n)
                scores = torch.addmm(offsets[:, None], packed, monomials(coefficients), alpha=-0.5)  # (K, n)
                # A patch less its Wiener filtering, S (S + vI)^-1 = I - v (S + vI)^-1: its mean needs no care.
                removed = basis.T @ applied(precisions, scores.argmax(0), coefficients) * variance  # (P, n)
                total[rows] += F.fold(removed[None], plane[rows].shape, self.side)[0, 0]
        return planes - noise / coverage(planes, self.side)

    def at(self, variance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mixture as seen through white noise.

        Args:
            variance: of the noise, [0, 1] scale; ().

        Returns:
            precisions (K, D, D), the inverse covariances; offsets (K,), the log densities at 0 with the weights and
            without what all components share.
        """
        size = self.side**2 - 1
        row, column = torch.tril_indices(size, size, device=self.factors.device)
        factors = self.factors.new_zeros(len(self.factors), size, size, dtype=torch.float64)
        factors[:, row, column] = self.factors.double()
        noise = torch.eye(size, device=factors.device, dtype=torch.float64) * variance
        factors = torch.linalg.cholesky(factors @ factors.mT + noise)
        offsets = self.log_weights - factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return torch.cholesky_inverse(factors).to(self.factors), offsets.to(self.log_weights)


def patch_basis(side: int) -> torch.Tensor:
    """Orthonormal basis of the patches without mean, float64 (side^2 - 1, side^2): the cosine transform but its DC."""
    return torch.kron(dct(side), dct(side))[1:]


def monomials(coefficients: torch.Tensor) -> torch.Tensor:
    """All products x_i x_j with i <= j, row by row: (D, n) to (D (D + 1) / 2, n).

    With them the quadratic forms of all components are one matrix product, half the work of D x D matrices.
    """
    size, count = coefficients.shape
    products = coefficients.new_empty(size * (size + 1) // 2, count)
    start = 0
    for index, row in enumerate(coefficients):
        stop = start + size - index
        torch.mul(row, coefficients[index:], out=products[start:stop])
        start = stop
    return products


def packed_precisions(precisions: torch.Tensor) -> torch.Tensor:
    """Coefficients of `monomials` in the quadratic forms of symmetric matrices, (K, D, D) to (K, D (D + 1) / 2)."""
    size = precisions.shape[-1]
    row, column = torch.triu_indices(size, size, device=precisions.device)
    return precisions[:, row, column] * (1 + (row != column))


def applied(matrices: torch.Tensor, chosen: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Each vector times its own matrix: matrices (K, D, D), chosen (n,) of them, vectors (D, n); returns (D, n)."""
    order = chosen.argsort(stable=True)
    counts = torch.bincount(chosen, minlength=len(matrices)).tolist()
    parts = vectors[:, order].split(counts, dim=1)
    products = [matrix @ part for matrix, part in zip(matrices, parts, strict=True) if part.numel()]
    result = torch.empty_like(vectors)
    result[:, order] = torch.cat(products, dim=1)
    return result


def coverage(planes: torch.Tensor, side: int) -> torch.Tensor:
    """Number of patches that cover each pixel, (H, W)."""
    height, width = planes.shape[-2:]
    rows, columns = (
        F.conv1d(planes.new_ones(1, 1, length - side + 1), planes.new_ones(1, 1, side), padding=side - 1).flatten()
        for length in (height, width)
    )
    return torch.outer(rows, columns)


def build(components: int = 200, side: int = 8, channels: int = 1, betas: Sequence[float] = (1, 4, 8, 16, 32)) -> EPLL:
    """An `EPLL` with the given options."""
    return EPLL(components, side, channels, betas)
