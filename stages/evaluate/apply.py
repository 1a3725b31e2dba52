"""One image through one network."""

import numpy as np
import torch
from torch import nn


def denoise(network: nn.Module, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """One image through one network.

    Args:
        noisy: float32 (H, W) or (H, W, 3), [0, 255] scale.
        sigma: standard deviation of the noise, [0, 255] scale.

    Returns:
        float32 of the same shape and scale, unclipped.
    """
    planes = noisy[np.newaxis] if noisy.ndim == 2 else noisy.transpose(2, 0, 1)
    batch = torch.from_numpy(np.ascontiguousarray(planes[np.newaxis])) / 255.0
    with torch.inference_mode():
        output = network(batch, torch.tensor([sigma / 255.0]))[0].numpy() * 255.0
    return output[0] if noisy.ndim == 2 else output.transpose(1, 2, 0)
