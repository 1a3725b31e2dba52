"""What stands in front of a task network: nothing, a classical denoiser, or a learned one."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from redenoise.measure.networks import Folder
from redenoise.models import denoisers
from redenoise.models.weights import load_network
from redenoise.support.files import sha256_file


class Nothing:
    """Noisy images go straight into the task network."""

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """The images themselves."""
        return noisy

    def depends_on(self, sigma: float) -> dict[str, str]:
        """What the result depends on."""
        return {"denoiser": "none"}


class Learned(Folder):
    """The networks of a `train` or a `cascade` node.

    Args:
        folder: of their weights: one for each noise level, or `model` for all.
        device: where they compute.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        super().__init__(folder)
        self.device = device
        self.loaded: dict[Path, tuple[nn.Module, dict[str, str]]] = {}

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """Denoise float32 (N, H, W, 3) on the [0, 255] scale; the result has its shape and scale and is not clipped."""
        network, _ = self._load(sigma)
        batch = torch.from_numpy(noisy).to(self.device).permute(0, 3, 1, 2) / 255.0  # stays channels-last
        with torch.inference_mode():
            level = torch.full((len(noisy),), sigma / 255.0, device=self.device)
            output = network(batch, level) * 255.0
        return output.permute(0, 2, 3, 1).cpu().numpy()

    def depends_on(self, sigma: float) -> dict[str, str]:
        """What the result depends on."""
        return self._load(sigma)[1]

    def _load(self, sigma: float) -> tuple[nn.Module, dict[str, str]]:
        path = self.path_for(sigma)
        if path not in self.loaded:
            network, spec = load_network(path)
            parts = {"denoiser": sha256_file(path), "code": sha256_file(denoisers.source(spec["name"]))}
            self.loaded[path] = network.to(self.device).to(memory_format=torch.channels_last), parts
        return self.loaded[path]
