"""What stands in front of a task network: nothing, a classical denoiser, or a learned one."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from redenoise.dag.indexed import MISSING
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_bytes, sha256_file


class Nothing:
    """Noisy images go straight into the task network."""

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """The images themselves."""
        return noisy

    def depends_on(self, sigma: float) -> dict[str, str]:
        """What the result depends on."""
        return {"denoiser": "none"}


class Learned:
    """The networks of a `train` or a `cascade` node.

    Args:
        folder: of their weights: one for each noise level, or `model` for all.
        device: where they compute.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder, self.device = folder, device
        self.loaded: dict[Path, tuple[nn.Module, dict[str, str]]] = {}

    def missing_levels(self) -> dict[float, str]:
        """Noise levels for which there are no weights yet, and why."""
        path = self.folder / MISSING
        models = read_json(path, dict) if path.exists() else {}
        return {float(model.removeprefix("sigma")): why for model, why in models.items()}

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
        path = self.folder / f"sigma{sigma:g}.safetensors"
        path = path if path.exists() else self.folder / "model.safetensors"
        if path not in self.loaded:
            if not path.exists():
                raise UserError(f"{path}: no network for sigma {sigma:g}; add the level to its entry in params.yaml")
            network, spec = load_network(path)
            source = Path(__file__).parents[1] / "networks" / f"{spec['name']}.py"
            parts = {"denoiser": sha256_file(path), "code": sha256_bytes(source.read_bytes())}
            self.loaded[path] = network.to(self.device, memory_format=torch.channels_last), parts
        return self.loaded[path]
