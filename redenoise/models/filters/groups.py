"""Groups of similar patches: what the low-rank methods WNNM and MCWNNM share. Not a filter itself.

An image is (C, H, W) here, and a patch all C * p * p values of one square. A patch is named by its position: the flat
index of its top-left corner among the H' x W' = (H - p + 1) x (W - p + 1) corners at which a patch lies in the image.
Nothing is padded: patches, windows and groups end at the border.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional

from redenoise.support.errors import UserError

TILE = (4, 8)  # rows and columns of reference patches that are matched together: their windows overlap nearly fully
BATCH = 128  # groups that are computed together
WEIGHT = 2 * 2**0.5  # the constant c of the weights c sqrt(n) variance / singular value


def planes_of(noisy: np.ndarray, sigma: float, patch: int, method: str) -> torch.Tensor:
    """An image (H, W) or (H, W, C) as float32 (C, H, W).

    Raises:
        UserError: a side is shorter than a patch, or sigma is not a positive number.
    """
    if min(noisy.shape[:2]) < patch:
        found = f"{method}: the image has {noisy.shape[0]} x {noisy.shape[1]} pixels"
        raise UserError(f"{found}, expected at least one patch of {patch} x {patch}; leave it out or pad it")
    if not 0 < sigma < float("inf"):
        raise UserError(f"{method}: sigma is {sigma}, expected a positive number; correct it")
    planes = noisy[np.newaxis] if noisy.ndim == 2 else noisy.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))


def patches_of(image: torch.Tensor, patch: int) -> torch.Tensor:
    """All patches of an image, (C, H, W) to (H', W', D) with D = C * p * p."""
    windows = image.unfold(1, patch, 1).unfold(2, patch, 1)  # (C, H', W', p, p)
    return windows.permute(1, 2, 0, 3, 4).flatten(2)


def references(image: torch.Tensor, patch: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and columns of the reference patches: every `step`, and beyond the last multiple each one."""

    def corners(length: int) -> torch.Tensor:
        last = length - patch
        dense = range(last // step * step + 1, last + 1)
        return torch.tensor([*range(0, last + 1, step), *dense], device=image.device)

    return corners(image.shape[1]), corners(image.shape[2])


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads that compute on one core each, as many as PyTorch uses, which in the meantime uses one itself.

    PyTorch factors the matrices of a batch one after the other, and more cores on one small matrix make it slower. So
    each core takes a batch of its own; the result has the same bits for any number of threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def match(
    patches: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    radius: int,
    count: int,
    pool: ThreadPoolExecutor,
) -> torch.Tensor:
    """Block matching: the patches with the least squared differences to each reference patch.

    Args:
        patches: (H', W', D).
        rows, columns: corners of the reference patches, all pairs of them.
        radius: the window of corners reaches this far on all four sides, as far as there are corners.
        count: how many, the reference patch among them. Fewer in an image where the smallest window has fewer.

    Returns:
        int64 (rows * columns, count), positions, in any order inside a group.
    """
    count = min(count, min(radius + 1, patches.shape[0]) * min(radius + 1, patches.shape[1]))

    def strip(rows: torch.Tensor) -> torch.Tensor:
        tiles = [_match_tile(patches, rows, part, radius, count) for part in columns.split(TILE[1])]
        return torch.cat(tiles, dim=1).flatten(0, 1)

    return torch.cat(list(pool.map(strip, rows.split(TILE[0]))))


def _match_tile(
    patches: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, radius: int, count: int
) -> torch.Tensor:
    """The same for a few neighbouring reference patches, (rows, columns, count): one matrix product for all windows."""
    height, width, _ = patches.shape
    top, bottom = max(0, int(rows[0]) - radius), min(height, int(rows[-1]) + radius + 1)
    left, right = max(0, int(columns[0]) - radius), min(width, int(columns[-1]) + radius + 1)
    candidates = patches[top:bottom, left:right]
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2 loses digits where the patches are far from zero: move them there.
    candidates = candidates - candidates.mean()
    targets = candidates[(rows - top)[:, None], columns - left].flatten(0, 1)
    candidates = candidates.flatten(0, 1)
    norms = candidates.square().sum(1)
    distances = torch.addmm(norms, targets, candidates.mT, alpha=-2)  # less |a|^2, one for all of a window
    distances = distances.view(len(rows), len(columns), bottom - top, right - left)
    far_rows = (torch.arange(top, bottom, device=rows.device) - rows[:, None]).abs() > radius
    far_columns = (torch.arange(left, right, device=rows.device) - columns[:, None]).abs() > radius
    distances.masked_fill_(far_rows[:, None, :, None], float("inf"))
    distances.masked_fill_(far_columns[None, :, None, :], float("inf"))
    distances = distances.flatten(2)
    itself = (rows - top)[:, None] * (right - left) + columns - left  # first, also where others are equal to it
    distances.scatter_(2, itself[:, :, None], -float("inf"))
    nearest = distances.topk(count, largest=False, sorted=False).indices
    row = nearest.div(right - left, rounding_mode="floor") + top
    return row * width + nearest % (right - left) + left


def low_rank(
    groups: torch.Tensor, limits: torch.Tensor, factors: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Multiply the large singular values of each group by factors that depend on them, and the others by zero.

    Through the eigenvectors of the smaller of G^T G and G G^T, which are the singular vectors of G on that side: with
    G = U S V^T and a diagonal F, U F S V^T = G V F V^T = U F U^T G. In float32 it differs from the same with a singular
    value decomposition by about 1e-6 of the largest singular value where none is that close to the limit.

    Args:
        groups: (B, n, D), one patch a row.
        limits: (B,), a square up to which singular values become zero; a group whose limit is zero stays as it is.
        factors: squared singular values (B', K) of some of the groups and their limits (B', 1) to factors (B', K);
            their values do not matter where the square is not above the limit.

    Returns:
        (B, n, D).
    """
    wide = groups.shape[1] < groups.shape[2]
    gram = groups @ groups.mT if wide else groups.mT @ groups
    shifted = -gram
    shifted.diagonal(dim1=1, dim2=2).add_(limits[:, None])
    # Positive definite: no singular value is above the limit. To find that out takes a tenth of the decomposition.
    some = ((torch.linalg.cholesky_ex(shifted).info > 0) & (limits > 0)).nonzero()[:, 0]
    squares, vectors = torch.linalg.eigh(gram[some])
    unlimited, limits = limits == 0, limits[some, None]
    kept = torch.where(squares > limits, factors(squares, limits), 0)
    projection = (vectors * kept[:, None, :]) @ vectors.mT
    shrunk = torch.where(unlimited[:, None, None], groups, 0)
    shrunk[some] = projection @ groups[some] if wide else groups[some] @ projection
    return shrunk


def fixed_points(squares: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    """s / y with s = y - c' / s, from y^2 and 4 c'."""
    return (1 + (1 - limits / squares).sqrt()) / 2


def denoise_groups(
    patches: torch.Tensor,
    positions: torch.Tensor,
    levels: torch.Tensor,
    solve: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    size: tuple[int, ...],
    pool: ThreadPoolExecutor,
) -> torch.Tensor:
    """The image whose pixels are the means of all their estimates, each patch of each group being one.

    Args:
        patches: (H', W', D).
        positions: (R, n), the groups; every pixel is in a patch of one of them.
        levels: (R, ...), what `solve` needs to know of each group.
        solve: groups (B, n, D) without their mean patches, and their levels (B, ...), to estimates (B, n, D).
        size: H and W.

    Returns:
        (C, H, W).
    """

    def estimate(batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        positions, levels = batch
        groups = flat.index_select(0, positions.flatten()).view(*positions.shape, -1)  # (B, n, D)
        means = groups.mean(1, keepdim=True)
        return means + solve(groups - means, levels)

    flat = patches.flatten(0, 1)  # (H' * W', D)
    totals = torch.zeros_like(flat)
    batches = list(zip(positions.split(BATCH), levels.split(BATCH), strict=True))
    for (where, _), estimates in zip(batches, pool.map(estimate, batches), strict=True):
        totals.index_add_(0, where.flatten(), estimates.flatten(0, 1))
    counts = torch.bincount(positions.flatten(), minlength=len(flat)).to(flat)
    patch = size[0] - patches.shape[0] + 1
    sums = functional.fold(totals.mT[None], size, patch)[0]  # (C, H, W)
    return sums / functional.fold(counts.expand(1, patch * patch, -1), size, patch)[0]
