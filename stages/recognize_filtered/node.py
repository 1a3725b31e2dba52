"""Tasks without a network in front: `python -m stages.recognize_filtered [--scale SCALE] [--only KEY [--shard I/N]]`.

On clean images, on noisy ones, and behind a classical denoiser. Output as in `stages.recognize`.
"""

from types import ModuleType

import numpy as np

from redenoise.dag.config import Config
from redenoise.dag.shards import Shard, Work
from redenoise.models import filters
from redenoise.recognition.denoisers import Nothing
from redenoise.recognition.node import levels_of, measure, nothing, worked
from redenoise.support.errors import UserError


class Filter:
    """A classical denoiser of redenoise/models/filters, one image at a time."""

    def __init__(self, method: ModuleType) -> None:
        self.method, self.parts = method, filters.parts_of(method)

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """Denoise float32 (N, H, W, 3) on the [0, 255] scale; the result has its shape and scale."""
        if sigma == 0:  # no noise, nothing to remove
            return noisy
        return np.stack([filters.denoise(self.method, image, sigma) for image in noisy])

    def depends_on(self, sigma: float) -> dict[str, str]:
        """What the result depends on."""
        return self.parts


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Measure one task without a network in front; with a `shard`, only make that share of its parts."""
    entry = config.entry("recognize_filtered", key)
    name = entry["filter"]
    levels = [None] if entry.get("clean") else levels_of(config, entry)

    def act(work: Work) -> None:
        if name == "noisy":
            measure(config, key, entry, levels, Nothing, work)
            return
        try:
            method = Filter(filters.load(name))
        except UserError as error:
            if config.params["unavailable"] != "skip":
                raise
            nothing(config, key, work, str(error))
            return
        most = (config.settings["labelled"] or {}).get("filtered")
        measure(config, key, entry, levels, lambda: method, work, most)

    worked(config, "recognize_filtered", key, [], shard, act)
