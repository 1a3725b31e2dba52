"""One image through one network."""

import numpy as np
import torch
from torch import nn

from redenoise.support.errors import UserError


def denoise(network: nn.Module, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """One image through one network.

    Args:
        noisy: float32 (H, W) or (H, W, 3), [0, 255] scale.
        sigma: standard deviation of the noise, [0, 255] scale.

    Returns:
        float32 of the same shape and scale, unclipped.

    Raises:
        UserError: the network returns something else than a float32 tensor of its input's shape.
    """
    planes = noisy[np.newaxis] if noisy.ndim == 2 else noisy.transpose(2, 0, 1)
    batch = torch.from_numpy(np.ascontiguousarray(planes[np.newaxis])) / 255.0
    with torch.inference_mode():
        denoised = network(batch, torch.tensor([sigma / 255.0]))
        _check(network, denoised, batch)
        output = denoised[0].numpy() * 255.0
    return output[0] if noisy.ndim == 2 else output.transpose(1, 2, 0)


def _check(network: nn.Module, denoised: object, batch: torch.Tensor) -> None:
    if not isinstance(denoised, torch.Tensor):
        found = type(denoised).__name__
    elif denoised.shape != batch.shape or denoised.dtype != batch.dtype:
        found = f"{denoised.dtype} {tuple(denoised.shape)}"
    else:
        return
    expected = f"expected {batch.dtype} {tuple(batch.shape)}, (N, C, H, W) as its input, on the [0, 1] scale"
    raise UserError(f"{type(network).__module__}: forward returned {found}, {expected}; correct it")
