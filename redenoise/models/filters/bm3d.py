"""BM3D and CBM3D of 2007: blocks that look alike are stacked and filtered together in a three-dimensional transform.

Source: Dabov, Foi, Katkovnik, Egiazarian, "Image denoising by sparse 3-D transform-domain collaborative filtering",
IEEE TIP 2007, and for colour "Color image denoising via sparse 3D collaborative filtering with grouping constraint in
luminance-chrominance space", ICIP 2007; with the parameters of the authors' MATLAB release, which the papers compared
here ran: its profile "np" up to sigma 40 and "vn" above. Where that release is closed, in the search and the stacks,
this follows the open description by Lebrun, "An analysis and implementation of the BM3D image denoising method",
IPOL 2012.

Two steps, each over reference blocks on a grid (the last row and column of blocks always belong to it):
1. Blocks of the noisy image within the search window whose mean squared distance to the reference block is at most tau
   are stacked, nearest first: the largest power of two of them, up to a maximum. The stack is transformed in 2-D
   (biorthogonal wavelet 1.5) and along the stack (Haar), coefficients up to lambda sigma are set to 0, and the blocks
   go back to their places with the weight 1 / (number of kept coefficients), times a Kaiser window.
2. The same with stacks found in the result of step 1, the DCT, and a Wiener filter whose powers are those of the result
   of step 1; the weight is 1 / (sum of the squared gains).
Colour is filtered in an opponent space, channel by channel, in the stacks of the luminance.

Deviation: the release steps faster over the image after a stack that kept few coefficients (thrToIncStep); here every
reference block of the grid is filtered. No weight is above 1, which matters for black blocks only. The order of blocks
at equal distance is that of torch.topk.

How it is computed: the 2-D transform of every block of a strip of the image is taken once; a stack is a set of rows of
that table. Filtered stacks are summed as coefficients, by position, and the 2-D transform is inverted once a position.
All planes are in units of their noise, so that sigma is 1 in them.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold

from redenoise.models.block_matching import RADIUS, WINDOW, Search
from redenoise.models.cosines import dct
from redenoise.support.errors import UserError

STRIP = 22000  # reference blocks that are filtered together, about: bounds the memory
BATCH = 1024  # blocks in the stacks that are filtered at once: small enough for the processor's cache
BETA = 2.0  # of the Kaiser window
HIGH_SIGMA = 40

# Rows: luminance and two colour differences. Each is shifted by half of 255 where it has both signs, as in the release,
# so that the mean of a stack is never small.
OPPONENT = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [1 / 4, -1 / 2, 1 / 4]], dtype=torch.float64)
SHIFT = torch.tensor([[0.0], [127.5], [127.5]])

# Half of the low-pass filter of the biorthogonal wavelet 1.5 (Cohen, Daubechies, Feauveau); the rest mirrors it.
LOW = [3, -3, -22, 22, 128]


class Step(NamedTuple):
    """Parameters of one step."""

    side: int  # of a block, pixels
    step: int  # from one reference block to the next, pixels
    stack: int  # largest number of blocks
    tau: float  # largest mean squared distance, squared gray values of [0, 255]
    lambda_3d: float = 0.0  # threshold in units of sigma, of the first step


NORMAL = (Step(8, 3, 16, 3000.0, 2.7), Step(8, 3, 32, 400.0))  # profile "np"
VERY_NOISY = (Step(8, 4, 32, 25000.0, 2.8), Step(11, 6, 32, 3500.0))  # profile "vn"


def version() -> str:
    """The version of the package that does the work."""
    return f"torch {torch.__version__}"


def denoise(noisy: np.ndarray, sigma: float, steps: tuple[Step, Step] | None = None) -> np.ndarray:
    """Denoise one image, gray by BM3D, colour by CBM3D.

    Args:
        noisy: float32 (H, W) or (H, W, 3) in RGB, on the [0, 255] scale, unclipped; at least 8 pixels on each side, and
            11 for sigma above 40. At the border, blocks are taken and searched inside the image only.
        sigma: standard deviation of the noise on the [0, 255] scale, above 0.
        steps: parameters of both steps; those of the release for this sigma if None.

    Returns:
        float32 of the same shape and scale, unclipped.

    Raises:
        UserError: another shape, a smaller image, or another sigma.
    """
    steps = steps or (VERY_NOISY if sigma > HIGH_SIGMA else NORMAL)
    side = max(step.side for step in steps)
    if noisy.ndim not in (2, 3) or noisy.shape[2:] not in ((), (3,)) or min(noisy.shape[:2]) < side:
        expected = f"expected (H, W) or (H, W, 3) with H and W from {side} on at sigma {sigma:g}"
        raise UserError(f"BM3D: the noisy image is {noisy.shape}, {expected}; pad it, or leave it out")
    if not 0 < sigma < float("inf"):
        raise UserError(f"BM3D: sigma is {sigma:g}, expected a number above 0, on the [0, 255] scale; correct it")
    image = torch.from_numpy(np.ascontiguousarray(noisy, np.float32))
    with torch.inference_mode():
        if noisy.ndim == 2:
            return (filtered(image[None] / sigma, steps, sigma) * sigma)[0].numpy()
        levels = sigma * OPPONENT.norm(dim=1, keepdim=True)  # (3, 1)
        planes = (OPPONENT.float() @ image.view(-1, 3).T + SHIFT) / levels.float()
        result = filtered(planes.view(3, *noisy.shape[:2]), steps, float(levels[0])).view(3, -1)
        return (OPPONENT.inverse().float() @ (result * levels.float() - SHIFT)).T.reshape(noisy.shape).numpy()


def filtered(planes: Tensor, steps: tuple[Step, Step], sigma: float) -> Tensor:
    """Both steps.

    Args:
        planes: float32 (C, H, W) on any device, in units of the noise of each plane; stacks are found in the first.
        sigma: of the first plane on the [0, 255] scale.

    Returns:
        As `planes`. On a processor the order of all sums is fixed, whatever the number of threads; on a GPU it is so
        under `torch.use_deterministic_algorithms(True)`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # within an operation: they are too short to be shared among threads, strips are not
    try:
        basic = _Pass(planes, planes[:0], steps[0], biorthogonal(steps[0].side), sigma).result(threads)
        return _Pass(planes, basic, steps[1], dct(steps[1].side), sigma).result(threads)
    finally:
        torch.set_num_threads(threads)


class _Pass:
    """One step over an image: the first if `basic` has no planes."""

    def __init__(self, planes: Tensor, basic: Tensor, step: Step, basis: Tensor, sigma: float) -> None:
        window = torch.from_numpy(np.kaiser(step.side, BETA))
        inverse = window[:, None] * basis.inverse()  # (side, side), coefficients to weighted pixels
        self.analysis, self.synthesis = (torch.kron(matrix, matrix).to(planes) for matrix in (basis, inverse))
        self.window = window.to(planes).view(1, 1, -1, 1)
        self.planes, self.step = planes, step
        sources = torch.cat([basic, planes])
        self.image = sources.permute(1, 2, 0).contiguous()  # (H, W, C or 2 C)
        self.search = Search(sources[0], step.side, step.step, step.stack)
        self.limit = step.tau * step.side**2 / sigma**2

    def result(self, threads: int) -> Tensor:
        """The filtered planes (C, H, W), computed by several threads on a processor."""
        channels, side, search = len(self.planes), self.step.side, self.search
        pairs = math.ceil(len(search.rows) * len(search.columns) / (2 * STRIP))  # two, for two cores at least
        strips = [part.tolist() for part in np.array_split(search.rows, min(2 * pairs, len(search.rows)))]
        threads = min(threads, len(strips)) if self.planes.device.type == "cpu" else 1
        with ThreadPoolExecutor(threads) as pool:
            shares = list(pool.map(self._strips, [strips[thread::threads] for thread in range(threads)]))
        total, weights = torch.zeros_like(self.planes), self.planes.new_zeros(channels, 1, search.height, search.width)
        for index in range(len(strips)):
            top, blocks, weight = shares[index % threads][index // threads]
            total[:, top : top + blocks.shape[1]] += blocks
            weights[:, 0, top : top + weight.shape[1]] += weight
        weights = conv2d(weights, self.window, padding=(side - 1, 0))
        return total / conv2d(weights, self.window.mT, padding=(0, side - 1))[:, 0]

    @torch.inference_mode()
    def _strips(self, strips: list[list[int]]) -> list[tuple[int, Tensor, Tensor]]:
        """Of each strip of reference rows: its first row, its sum of weighted blocks, and of weights by position."""
        channels, (side, step, *_), search = len(self.planes), self.step, self.search
        most = search.width * min((max(map(len, strips)) - 1) * step + WINDOW, search.height)  # positions
        tables = _zeros((most, self.image.shape[2], side * side), self.image.device)
        spectra = _zeros((most, channels, side * side), self.image.device)
        found = []
        for rows in strips:
            top, bottom = max(rows[0] - RADIUS, 0), min(rows[-1] + RADIUS + 1, search.height)
            count = search.width * (bottom - top)
            table, sums, weights = tables[:count], spectra[:count].zero_(), self.planes.new_zeros(count, channels)
            _blocks(self.image[top : bottom + side - 1], self.analysis, table)
            for positions in self._stacks(rows, top):  # (S, B)
                groups = table.index_select(0, positions.flatten()).unflatten(0, positions.shape)
                shrunk, weight = _shrunk(groups, channels, self.step.lambda_3d)
                sums.index_add_(0, positions.flatten(), shrunk.flatten(0, 1))
                weights.index_add_(0, positions.flatten(), weight.repeat(len(positions), 1))
            blocks = _put_back(sums.unflatten(0, (-1, search.width)), self.synthesis)
            found.append((top, blocks, weights.T.unflatten(1, (-1, search.width))))
        return found

    def _stacks(self, rows: list[int], top: int) -> Iterator[Tensor]:
        """Batches of stacks of one size S, as positions (S, B) counted from row `top` on."""
        positions, distances = self.search.nearest(rows)
        near = (distances <= self.limit).sum(1)
        size = 1
        while size <= self.step.stack:
            fitting = (near >= size) & ((near < 2 * size) | (size == self.step.stack))
            for batch in positions[fitting, :size].split(max(BATCH // size, 1)):
                if len(batch):
                    yield batch.T - top * self.search.width
            size *= 2


def _shrunk(groups: Tensor, channels: int, lambda_3d: float) -> tuple[Tensor, Tensor]:
    """Stacks (S, B, C or 2 C, side^2), shrunk and weighted, (S, B, C, side^2), and their weights (B, C).

    The Haar transform is left unnormalised: the coefficients are sums and differences of `lengths` blocks.
    """
    size = len(groups)
    lengths = torch.tensor([size >> max(index.bit_length() - 1, 0) for index in range(size)])
    lengths = lengths.to(groups).view(-1, 1, 1, 1)
    spectrum = _haar(groups)
    noisy = spectrum[:, :, -channels:]
    if lambda_3d:
        gain = (noisy.abs() > lambda_3d * lengths.sqrt()).to(noisy)
        energy = gain.sum((0, 3))
    else:
        power = spectrum[:, :, :channels].square()
        gain = power.div_(power + lengths)
        energy = gain.square().sum((0, 3))
    weight = 1 / energy.clamp(min=1)
    return _inverse_haar(gain.mul_(noisy).mul_(weight[..., None] / lengths)), weight


def _haar(stack: Tensor) -> Tensor:
    """Unnormalised Haar transform along the first axis: the total first, then from coarse to fine."""
    spectrum = torch.empty_like(stack)
    while (size := len(stack)) > 1:
        torch.sub(stack[0::2], stack[1::2], out=spectrum[size // 2 : size])
        stack = stack[0::2] + stack[1::2]
    spectrum[0] = stack[0]
    return spectrum


def _inverse_haar(spectrum: Tensor) -> Tensor:
    """Stack of a spectrum as that of `_haar` whose coefficients were divided by their number of blocks."""
    stack = spectrum[:1]
    while (size := len(stack)) < len(spectrum):
        finer = stack.new_empty(2 * size, *stack.shape[1:])
        torch.add(stack, spectrum[size : 2 * size], out=finer[0::2])
        torch.sub(stack, spectrum[size : 2 * size], out=finer[1::2])
        stack = finer
    return stack


def _blocks(image: Tensor, analysis: Tensor, table: Tensor) -> None:
    """Fill in the 2-D spectra of the blocks at all positions of an image (H, W, C), (positions, C, side^2)."""
    side = math.isqrt(len(analysis))
    height, width = (size - side + 1 for size in image.shape[:2])
    for top in range(0, height, band := max(BATCH // width, 1)):
        high = min(band, height - top)
        shape, (down, right, _) = (side, side, high, width, image.shape[2]), image.stride()
        pixels = image.as_strided(shape, (down, right, down, right, 1), image[top].storage_offset())
        spectra = table[top * width : (top + high) * width].flatten(0, 1)  # a view: (high width C, side^2)
        torch.mm(pixels.reshape(side * side, -1).T, analysis.T, out=spectra)


def _put_back(sums: Tensor, synthesis: Tensor) -> Tensor:
    """The sum of blocks of given spectra (H, W, C, side^2), one a position, as (C, H + side - 1, W + side - 1)."""
    side, (height, width, channels, _) = math.isqrt(len(synthesis)), sums.shape
    total = sums.new_zeros(channels, height + side - 1, width + side - 1)
    for top in range(0, height, band := max(BATCH // width, 1)):
        part = sums[top : top + band]
        size = (len(part) + side - 1, width + side - 1)
        for channel in range(channels):
            blocks = synthesis @ part[:, :, channel].flatten(0, 1).T  # (side^2, positions)
            total[channel, top : top + size[0]] += fold(blocks[None], size, side)[0, 0]
    return total


def _zeros(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Zeros, float32; on a processor in NumPy's memory, whose larger pages come much faster than those of PyTorch."""
    return torch.from_numpy(np.zeros(shape, np.float32)).to(device)


def biorthogonal(side: int) -> Tensor:
    """Biorthogonal wavelet 1.5 of all levels with periodic borders, (side, side), float64.

    Rows are the basis, of unit length as in the release, so that the noise has the same level in all coefficients.
    """
    rows = torch.zeros(0, side, dtype=torch.float64)
    approximation = torch.eye(side, dtype=torch.float64)
    while len(approximation) > 1:
        low = torch.zeros_like(approximation)
        for index, tap in enumerate(LOW + LOW[::-1]):
            low += tap * approximation.roll(4 - index, 0)
        rows = torch.cat([approximation[0::2] - approximation[1::2], rows])
        approximation = low[0::2]
    rows = torch.cat([approximation, rows])
    return rows / rows.norm(dim=1, keepdim=True)
