"""A training loop as most public denoising code has it: what the benchmark measures this project's modes against.

Images are PNG files; a `Dataset` decodes a whole one for every patch, in the workers of a `DataLoader`; the step runs
eagerly in fp32, NCHW, with Adam, draws the noise on the device and reads the loss each time. It leaves PyTorch's
switches where they are by default, TF32 convolutions on a GPU among them, and lets cuDNN choose its algorithms.
"""

import random
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from redenoise.training.schedule import Schedule
from redenoise.training.step import centre

# How often an epoch shows each image, in other patches: short epochs would leave the workers idle at the end of each.
REPEATS = 100


class PatchDataset(Dataset):
    """Random patches of `patch` pixels of colour images in files, flipped and turned at random."""

    def __init__(self, paths: list[Path], patch: int, repeats: int = REPEATS) -> None:
        self.paths, self.patch, self.repeats = paths, patch, repeats

    def __len__(self) -> int:
        return len(self.paths) * self.repeats

    def __getitem__(self, index: int) -> torch.Tensor:
        """A patch, float32 (C, P, P) in [0, 1]."""
        image = np.asarray(Image.open(self.paths[index % len(self.paths)]).convert("RGB"))
        top, left = (random.randint(0, side - self.patch) for side in image.shape[:2])
        patch = image[top : top + self.patch, left : left + self.patch]
        if random.random() < 0.5:
            patch = patch[:, ::-1]
        patch = np.rot90(patch, random.randrange(4))
        return torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1))).float() / 255.0


class PlainLoop:
    """The loop, one step at a time, with batch, patch and learning rate of a schedule.

    Args:
        network: takes (noisy, sigma) on the [0, 1] scale; its output may be smaller by the same margin on all sides.
        sigma: noise level on the [0, 255] scale.
        workers: processes that decode, 1 or more.
    """

    def __init__(
        self,
        files: list[Path],
        network: nn.Module,
        sigma: float,
        schedule: Schedule,
        device: torch.device,
        workers: int,
    ) -> None:
        self.network, self.sigma, self.device = network.to(device).train(), sigma / 255.0, device
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=schedule.learning_rate)
        self.loader = DataLoader(
            PatchDataset(files, schedule.patch, max(REPEATS, schedule.batch)),
            schedule.batch,
            shuffle=True,
            num_workers=workers,
            drop_last=True,
            pin_memory=device.type == "cuda",
            persistent_workers=True,
        )
        self.batches = self._endless()

    def step(self) -> float:
        """One update; returns its loss, the mean squared error in the [0, 1] range."""
        clean = next(self.batches).to(self.device)
        noisy = clean + self.sigma * torch.randn_like(clean)
        sigma = torch.full((len(clean),), self.sigma, device=self.device)
        self.optimizer.zero_grad()
        output = self.network(noisy, sigma)
        loss = nn.functional.mse_loss(output, centre(clean, output))
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def close(self) -> None:
        """End the workers."""
        self.batches.close()
        self.loader._iterator = None  # persistent workers end with the loader's iterator

    def _endless(self) -> Generator[torch.Tensor]:
        while True:
            yield from self.loader


def set_plain_mode(threads: int) -> None:
    """PyTorch's switches as they are by default, and cuDNN's choice of algorithms, which most code turns on."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = True
