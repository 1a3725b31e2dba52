"""Validation while a run goes on: PSNR on the centres of a few images, with noise that never changes."""

import numpy as np
import torch
from torch import nn

SIDE = 256  # of the square crops, in pixels; smaller images are used as they are


class Validation:
    """Centre crops of a test set and one noise field for each; nothing is chosen by what they show.

    Args:
        images: (H, W) or (H, W, C), [0, 255] scale.
        seed: of the noise, which is not that of the test sets.
    """

    def __init__(self, images: list[np.ndarray], seed: int, device: torch.device) -> None:
        self.device = device
        self.crops = self.centres(images)
        generator = torch.Generator().manual_seed(seed)
        self.noise = [torch.randn(crop.shape, generator=generator) for crop in self.crops]

    def psnr(self, network: nn.Module, sigma: float, layout: torch.memory_format, halved: bool) -> float:
        """Mean PSNR in dB of a network in evaluation mode at one noise level on the [0, 255] scale.

        Unlike the evaluation of the tables it may compute in bf16 (`halved`), like the training that it watches.
        """
        values = []
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=halved):
            for number, clean in enumerate(self.crops):
                noisy = self.degraded(number, sigma).unsqueeze(0).to(self.device)
                level = torch.full((1,), sigma / 255.0, device=self.device)
                output = network(noisy.contiguous(memory_format=layout), level)[0].float().cpu()
                rounded = output.mul(255.0).round().clamp(0.0, 255.0)
                values.append(float(10.0 * torch.log10(255.0**2 / (rounded - clean).square().mean())))
        return sum(values) / len(values)

    def degraded(self, number: int, sigma: float) -> torch.Tensor:
        """What a network gets of one crop at a noise level, [0, 1] scale."""
        return self.crops[number] / 255.0 + self.noise[number] * (sigma / 255.0)

    @staticmethod
    def centres(images: list[np.ndarray]) -> list[torch.Tensor]:
        """The centre crops of some images."""
        return [_centre(image) for image in images]


def _centre(image: np.ndarray) -> torch.Tensor:
    """The central crop as float32 (C, H, W) on the [0, 255] scale."""
    height, width = (min(side, SIDE) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    crop = image[top : top + height, left : left + width]
    planes = crop[np.newaxis] if crop.ndim == 2 else crop.transpose(2, 0, 1)
    return torch.from_numpy(np.array(planes)).float()  # a copy: images read from files are not writable
