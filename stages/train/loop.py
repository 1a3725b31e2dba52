"""A plain training loop for denoisers: eager, fp32, the images in memory."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stages.common.errors import UserError
from stages.common.progress import progress


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        steps: number of updates.
        batch: patches per update.
        patch: side of the square patches, in pixels.
        learning_rate: peak rate of Adam; it rises over the first twentieth of the steps and falls to zero as a cosine.
        log_every: steps between two lines of the log, each with the mean training PSNR since the last.

    Deviation: Zhang et al. 2017 (section IV-A2) use SGD with a rate falling from 1e-1 to 1e-4 over 50 epochs. Adam is
    the other optimiser of their figure 2; the cosine reaches a usable network in a fraction of the steps.
    """

    steps: int
    batch: int
    patch: int
    learning_rate: float
    log_every: int

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        warm_up = max(1, self.steps // 20)
        rise = min(1.0, (step + 1) / warm_up)
        return self.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))


def train_denoiser(
    network: nn.Module,
    images: list[np.ndarray],
    sigma_range: tuple[float, float],
    schedule: Schedule,
    seed: int,
    label: str,
) -> None:
    """Train `network` in place to remove AWGN, with the mean squared error of equation 1 of Zhang et al. 2017.

    Args:
        network: takes (noisy, sigma) on the [0, 1] scale.
        images: uint8 (H, W) or (H, W, 3), each at least one patch in size.
        sigma_range: lowest and highest noise level on the [0, 255] scale; each patch draws its own.
        seed: with the step's number, the only source of randomness.
        label: names the run in the log.

    Raises:
        UserError: an image is smaller than a patch, or the loss is no longer a number.
    """
    _check_images(images, schedule.patch, label)
    optimizer = torch.optim.Adam(network.parameters(), lr=schedule.learning_rate)
    network.train()
    losses = []
    for step in progress(range(schedule.steps), schedule.steps, f"train {label}", unit="step"):
        clean, noisy, sigma = sample_batch(images, sigma_range, schedule, seed, step)
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        loss = nn.functional.mse_loss(network(noisy, sigma), clean)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        if len(losses) == schedule.log_every or step + 1 == schedule.steps:
            _log(label, step + 1, float(torch.stack(losses).mean()))
            losses.clear()


def _check_images(images: list[np.ndarray], patch: int, label: str) -> None:
    if not images:
        raise UserError(f"{label}: no training images; run the download stage")
    smallest = min(min(image.shape[:2]) for image in images)
    if smallest < patch:
        raise UserError(f"{label}: patches of {patch} pixels, but an image has a side of {smallest}; lower patch")


def sample_batch(
    images: list[np.ndarray], sigma_range: tuple[float, float], schedule: Schedule, seed: int, step: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clean patches, noisy patches and sigmas of one step; the draw depends on (seed, step) alone.

    Returns:
        clean and noisy float32 (N, C, P, P) on the [0, 1] scale, noisy unclipped; sigma float32 (N,) likewise.
    """
    draw = np.random.default_rng([seed, step])
    patches = [_patch(images, schedule.patch, draw) for _ in range(schedule.batch)]
    clean = torch.from_numpy(np.stack(patches)).float() / 255.0
    sigma = torch.from_numpy(draw.uniform(*sigma_range, schedule.batch).astype(np.float32)) / 255.0
    noise = torch.from_numpy(draw.standard_normal(clean.shape, dtype=np.float32))
    return clean, clean + sigma.view(-1, 1, 1, 1) * noise, sigma


def _patch(images: list[np.ndarray], size: int, draw: np.random.Generator) -> np.ndarray:
    """A random crop, flipped and turned at random, uint8 (C, P, P)."""
    image = images[draw.integers(len(images))]
    top, left = (draw.integers(side - size + 1) for side in image.shape[:2])
    patch = image[top : top + size, left : left + size]
    if draw.integers(2):
        patch = patch[:, ::-1]
    patch = np.rot90(patch, draw.integers(4))
    return patch[np.newaxis] if patch.ndim == 2 else patch.transpose(2, 0, 1)


def _log(label: str, step: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise UserError(f"{label}: the loss is {loss} at step {step}; lower training.learning_rate of the scale")
    print(f"{label}: step {step}, training PSNR {-10 * math.log10(loss):.2f} dB", file=sys.stderr, flush=True)
