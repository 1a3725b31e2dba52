"""Training patches, made in batches on the device that trains."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from redenoise.support.errors import UserError


def step_seed(seed: int, step: int) -> int:
    """Seed of one step's generator: 63 bits of SHA-256, so that near seeds and steps have unrelated draws."""
    digest = hashlib.sha256(f"redenoise train {seed} {step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Source(Protocol):
    """Where the batches of a training come from."""

    device: torch.device
    generator: torch.Generator

    def seed(self, seed: int, step: int) -> None:
        """Put the generator where step `step` of the run `seed` begins."""

    def draw(self) -> tuple[torch.Tensor, ...]:
        """One batch from the generator's state, as `Learner.losses` takes it."""
        ...


class Patches:
    """All training images on one device, cropped, turned and made noisy there.

    The draw of a step depends on (seed, step) alone, so a run can be resumed, or any step replayed. It does not depend
    on the noise level: networks that differ only in sigma see the same patches and the same field, scaled. Processors
    and GPUs draw different numbers.

    Args:
        images: whole numbers, (H, W) or (H, W, C), each at least one patch in size.
        size: side of the patches.
        batch: patches per step.
        device: where the images live.
        label: names the run in errors.
        channels: of the noise, fewer than C where images hold several versions; C if not given.
        fineness: what one level of the [0, 255] scale is in `images`.

    Raises:
        UserError: there are no images, or one is smaller than a patch.
    """

    def __init__(
        self,
        images: list[np.ndarray],
        size: int,
        batch: int,
        device: torch.device,
        label: str,
        channels: int | None = None,
        fineness: int = 1,
    ) -> None:
        if not images:
            raise UserError(f"{label}: no training images; run the download stage")
        smallest = min(min(image.shape[:2]) for image in images)
        if smallest < size:
            raise UserError(f"{label}: patches of {size} pixels, but an image has a side of {smallest}; lower patch")
        self.size, self.batch, self.device, self.white = size, batch, device, 255.0 * fineness
        flat = [image.reshape(image.shape[0] * image.shape[1], -1) for image in images]
        self.pixels = torch.from_numpy(np.concatenate(flat)).to(device)  # (all pixels of all images, C)
        self.channels = channels or self.pixels.shape[1]
        starts = np.cumsum([0, *(len(pixels) for pixels in flat[:-1])])
        self.starts = torch.tensor(starts, device=device)
        self.heights = torch.tensor([image.shape[0] for image in images], device=device)
        self.widths = torch.tensor([image.shape[1] for image in images], device=device)
        self.generator = torch.Generator(device=device)

    def seed(self, seed: int, step: int) -> None:
        """Put the generator where step `step` of the run `seed` begins."""
        self.generator.manual_seed(step_seed(seed, step))

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One batch from the generator's state.

        Returns:
            clean, float32 (N, C, P, P) on the [0, 1] scale; noise of unit variance, float32 (N, `channels`, P, P), both
            with channels last in memory; level, float32 (N,) in [0, 1): where in its range of levels each patch is.
        """
        chance = torch.rand(5, self.batch, generator=self.generator, device=self.device)
        clean = self._crop(chance).permute(0, 3, 1, 2).float().div_(self.white)
        shape = (self.batch, self.size, self.size, self.channels)
        noise = torch.randn(shape, generator=self.generator, device=self.device).permute(0, 3, 1, 2)
        return clean, noise, chance[4]

    def _crop(self, chance: torch.Tensor) -> torch.Tensor:
        """Random crops, turned and flipped at random, (N, P, P, C)."""
        image = (chance[0] * len(self.starts)).long()
        top = (chance[1] * (self.heights[image] - self.size + 1)).long()
        left = (chance[2] * (self.widths[image] - self.size + 1)).long()
        turn = (chance[3] * 8).long().view(-1, 1, 1)  # one of the 8 symmetries of the square
        along = torch.arange(self.size, device=self.device)
        row, column = along.view(1, -1, 1), along.view(1, 1, -1)
        row, column = torch.where(turn % 2 == 1, column, row), torch.where(turn % 2 == 1, row, column)
        row = torch.where(turn // 2 % 2 == 1, self.size - 1 - row, row) + top.view(-1, 1, 1)
        column = torch.where(turn // 4 == 1, self.size - 1 - column, column) + left.view(-1, 1, 1)
        index = self.starts[image].view(-1, 1, 1) + row * self.widths[image].view(-1, 1, 1) + column
        return self.pixels[index]


def noisy_of(
    clean: torch.Tensor, noise: torch.Tensor, level: torch.Tensor, sigma_range: Sequence[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy patches, unclipped, and their sigmas (N,), on the [0, 1] scale.

    Args:
        sigma_range: lowest and highest noise level on the [0, 255] scale.
    """
    low, high = (sigma / 255.0 for sigma in sigma_range)
    sigma = low + (high - low) * level
    return torch.addcmul(clean, noise, sigma.view(-1, 1, 1, 1)), sigma
