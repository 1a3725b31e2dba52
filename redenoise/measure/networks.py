"""The trained networks of a folder of weights, one for each noise level or one for all."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from redenoise.dag.code import code_files
from redenoise.dag.indexed import MISSING
from redenoise.measure import apply
from redenoise.models import denoisers
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_bytes, sha256_file


class Folder:
    """A folder that a `train` or a `cascade` node has written.

    Args:
        parameter: what the level of what its networks restore is called; models are named by it.
    """

    def __init__(self, folder: Path, parameter: str = "sigma") -> None:
        self.folder, self.parameter = folder, parameter

    def missing_levels(self) -> dict[float, str]:
        """Noise levels for which there are no weights yet, and why."""
        path = self.folder / MISSING
        models = read_json(path, dict) if path.exists() else {}
        return {float(model.removeprefix(self.parameter)): why for model, why in models.items()}

    def path_for(self, level: float) -> Path:
        """The file for a level: the one trained for it, else the only one; `UserError` if there is neither."""
        name = f"{self.parameter}{level:g}"
        specific, common = (self.folder / f"{model}.safetensors" for model in (name, "model"))
        if found := next((path for path in (specific, common) if path.exists()), None):
            return found
        line = f"{common}: no network for {self.parameter} {level:g}"
        raise UserError(f"{line}; add the level to its entry in params.yaml")


class Networks(Folder):
    """Networks that denoise one image at a time, loaded when they are first needed.

    Args:
        folder: of their weights.
        computing: what the last bits of a result can depend on, besides the version of PyTorch.
        options: options of the network that the run changes, such as its border.
        by_channel: take a network for gray images to every channel of colour ones.
        parameter: as of `Folder`.
    """

    def __init__(
        self,
        folder: Path,
        computing: dict[str, str],
        options: dict,
        by_channel: bool = False,
        parameter: str = "sigma",
    ) -> None:
        super().__init__(folder, parameter)
        self.by_channel = by_channel
        self.options, self.computing = options, {**computing, "torch": torch.__version__}
        self.loaded: dict[Path, tuple[nn.Module, dict[str, str]]] = {}

    def denoiser_for(self, sigma: float) -> tuple:
        """A function (noisy) -> denoised on the [0, 255] scale for one level, and what it depends on."""
        path = self.path_for(sigma)
        if path not in self.loaded:
            network, spec = load_network(path, self.options)
            self.loaded[path] = network, {**self.computing, **_dependencies(path, spec)}
        network, parts = self.loaded[path]
        if self.by_channel:
            return lambda noisy: _channel_by_channel(network, noisy, sigma), {**parts, "channels": "one by one"}
        return lambda noisy: apply.denoise(network, noisy, sigma), parts


def _channel_by_channel(network: nn.Module, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """A colour image (H, W, 3) through a network for gray ones."""
    planes = [apply.denoise(network, noisy[..., channel], sigma) for channel in range(noisy.shape[2])]
    return np.stack(planes, axis=-1)


def _dependencies(path: Path, spec: dict) -> dict[str, str]:
    files = [*code_files(denoisers.source(spec["name"])), Path(apply.__file__)]
    code = b"".join(file.read_bytes() for file in files)
    return {"network": json.dumps(spec, sort_keys=True), "weights": sha256_file(path), "code": sha256_bytes(code)}
