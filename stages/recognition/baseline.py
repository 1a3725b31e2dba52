"""Tasks without a network in front: `python -m stages.recognition.baseline [--scale SCALE] [--only KEY [--shard I/N]]`.

On clean images, on noisy ones, and behind a classical denoiser. Output as in `stages.recognition`.
"""

from pathlib import Path
from types import ModuleType

import numpy as np

from stages.common import config
from stages.common.errors import UserError, run_cli
from stages.common.files import sha256_file
from stages.common.shards import Shard, Work, command_line
from stages.evaluate import baseline as classical
from stages.recognition.denoisers import Nothing
from stages.recognition.node import levels_of, measure, nothing, run


class Filter:
    """A classical denoiser of stages/baselines, one image at a time."""

    def __init__(self, method: ModuleType) -> None:
        self.method = method
        self.parts = {"version": method.version(), "code": sha256_file(Path(str(method.__file__)))}

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """Denoise float32 (N, H, W, 3) on the [0, 255] scale; the result has its shape and scale."""
        return np.stack([classical.denoise(self.method, image, sigma) for image in noisy])

    def depends_on(self, sigma: float) -> dict[str, str]:
        """What the result depends on."""
        return self.parts


def baseline(settings: config.Config, key: str, shard: Shard | None = None) -> None:
    """Measure one task without a network in front; with a `shard`, only make that share of its parts."""
    entry = settings.entry("recognition_baseline", key)
    name = entry["filter"]
    levels = [None] if name == "clean" else levels_of(settings, entry)

    def act(work: Work) -> None:
        if name in ("clean", "noisy"):
            measure(settings, key, entry, levels, Nothing, work)
            return
        try:
            method = Filter(classical.load(name))
        except UserError as error:
            if settings.params["unavailable"] != "skip":
                raise
            nothing(settings, key, work, str(error))
            return
        most = (settings.settings["labelled"] or {}).get("filtered")
        measure(settings, key, entry, levels, lambda: method, work, most)

    run(settings, "recognition_baseline", key, [], shard, act)


def main() -> None:
    """Command line of the stage."""
    text = "Measure high-level tasks without a network in front."
    command_line("recognition_baseline", text, "parts", baseline)


if __name__ == "__main__":
    run_cli(main)
