"""The cosine transform, DCT-II, that several methods take of blocks."""

import torch


def dct(side: int) -> torch.Tensor:
    """Orthonormal DCT-II, (side, side), float64; rows are the basis, the constant one first."""
    index = torch.arange(side, dtype=torch.float64)
    matrix = torch.cos(torch.pi * torch.outer(index, 2 * index + 1) / (2 * side)) * (2 / side) ** 0.5
    matrix[0] /= 2**0.5
    return matrix
