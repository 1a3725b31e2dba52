"""Learned denoisers on the noisy test sets: `python -m stages.evaluate [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with the columns of `published/`, one row per image and metric.
"""

import json
from pathlib import Path

import torch
from torch import nn

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import MISSING, unavailable_reason
from redenoise.dag.shards import Shard, working
from redenoise.measure import apply
from redenoise.measure.denoising import measure, nothing
from redenoise.measure.torch_mode import set_mode
from redenoise.models import denoisers
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_bytes, sha256_file


def evaluate(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one family of networks and measure it; with a `shard`, only denoise that share."""
    entry = config.entry("evaluate", key)
    set_mode("reference", config.settings["threads"])
    folder = paths.weights(config.scale, entry["family"])
    with working(config, "evaluate", key, shard) as work:
        if reason := unavailable_reason(folder):
            nothing(config, key, work, reason)
            return
        computing = {"mode": "reference", "threads": str(config.settings["threads"])}
        networks = Networks(folder, computing, entry.get("network", {}))
        missing = networks.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"sigma={sigma:g}": why for sigma, why in missing.items()}
        measure(config, "evaluate", key, networks.denoiser_for, work, missing)


class Networks:
    """The networks of one family, loaded when they are first needed.

    Args:
        folder: of their weights.
        computing: what the last bits of a result can depend on, besides the version of PyTorch.
        options: options of the network that the run changes, such as its border.
    """

    def __init__(self, folder: Path, computing: dict[str, str], options: dict) -> None:
        self.folder, self.options = folder, options
        self.computing = {**computing, "torch": torch.__version__}
        self.loaded: dict[Path, tuple[nn.Module, dict[str, str]]] = {}

    def missing_levels(self) -> dict[float, str]:
        """Noise levels of the family for which there are no weights yet, and why."""
        path = self.folder / MISSING
        models = read_json(path, dict) if path.exists() else {}
        return {float(model.removeprefix("sigma")): why for model, why in models.items()}

    def path_for(self, sigma: float) -> Path:
        """The file for a noise level: the one trained for it, else the family's only model."""
        specific = self.folder / f"sigma{sigma:g}.safetensors"
        return specific if specific.exists() else self.folder / "model.safetensors"

    def denoiser_for(self, sigma: float) -> tuple:
        """A function (noisy) -> denoised on the [0, 255] scale for one noise level, and what it depends on."""
        path = self.path_for(sigma)
        if path not in self.loaded:
            if not path.exists():
                raise UserError(f"{path}: no network for sigma {sigma:g}; add the level to the family in params.yaml")
            network, spec = load_network(path, self.options)
            self.loaded[path] = network, {**self.computing, **_dependencies(path, spec)}
        network, parts = self.loaded[path]
        return lambda noisy: apply.denoise(network, noisy, sigma), parts


def _dependencies(path: Path, spec: dict) -> dict[str, str]:
    source = Path(denoisers.__file__).parent / f"{spec['name']}.py"
    return {
        "network": json.dumps(spec, sort_keys=True),
        "weights": sha256_file(path),
        "code": sha256_bytes(source.read_bytes() + Path(apply.__file__).read_bytes()),
    }
