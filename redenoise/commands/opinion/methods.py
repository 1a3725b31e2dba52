"""The four denoisers of the opinion test at its noise level, and why one of them may not be there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.measure.inputs import read_noisy
from redenoise.measure.items import denoised_item, item_key
from redenoise.measure.networks import Networks
from redenoise.models import filters
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file

SIGMA = 50
GUIDED = "segment_2020"  # the cascade behind figure 4 of the paper
NAMES = ("CBM3D", "DnCNN", "Proposed without guidance", "Proposed with guidance")
GRAY = np.float32(127.5)  # around which images are scaled


@dataclass(frozen=True)
class Method:
    """A denoiser at the noise level of the test.

    Attributes:
        name: one of `NAMES`.
        text: what it is here.
        run: last part of the name of the kept images, after the data set.
        work: float32 (H, W, 3) on the [0, 255] scale to the same, not clipped; None where it cannot run.
        parts: what the result depends on besides the noisy image, part of the key of a kept image.
        missing: why it cannot run; empty if it can.
    """

    name: str
    text: str
    run: str
    work: Callable[[np.ndarray], np.ndarray] | None = None
    parts: dict[str, str] = field(default_factory=dict)
    missing: str = ""

    def denoised(self, scale: str, dataset: str, row: dict[str, str], path: Path) -> np.ndarray:
        """The denoised image of one row of a noisy set's index, uint8, taken up where an evaluation has kept it."""
        folder = paths.items(scale, f"{dataset}-{self.run}") / f"sigma{row['sigma']}"
        key = item_key(noisy=row["sha256"], sigma=row["sigma"], **self.parts)
        work = self.work
        assert work is not None, "a method that cannot run is left out before"
        return denoised_item(folder, row["id"], key, lambda: work(read_noisy(path)))


def four(config: Config) -> list[Method]:
    """The methods of figure 5, in the order of `NAMES`.

    The pair without and with guidance are networks of one level, the nearest to `SIGMA` that the cascade has. Where
    there is no cascade, the network without guidance is the one trained for `SIGMA` itself.

    Raises:
        UserError: a folder of weights is missing or damaged.
    """
    levels = config.entry("cascade", GUIDED)["sigmas"]
    level = min(levels, key=lambda found: abs(found - SIGMA))
    folder = paths.cascade(config.scale, GUIDED)
    guided = _learned(config, NAMES[3], f"cascade {GUIDED}", folder, "guided", level)
    family, alone = ("proposed", SIGMA) if guided.missing else ("proposed_tasks", level)
    return [
        _cbm3d(),
        _family(config, NAMES[1], "dncnn_color", "dncnn", SIGMA),
        _family(config, NAMES[2], family, "proposed" if guided.missing else "unguided", alone),
        guided,
    ]


def scaled(work: Callable[[np.ndarray], np.ndarray], factor: np.float32) -> Callable[[np.ndarray], np.ndarray]:
    """A denoiser for `factor` times the noise level of its own: images are scaled to its level and back.

    The noise is then exactly what the network was trained for, and the image has a little less contrast. At the demo
    scale, on twelve stand-ins with sigma = 50, the network for 45 reaches 26.84 dB so, 26.58 dB without the scaling,
    and the network that was trained for 50 reaches 26.84 dB.
    """

    def work_scaled(noisy: np.ndarray) -> np.ndarray:
        return (work((noisy - GRAY) / factor + GRAY) - GRAY) * factor + GRAY

    return work_scaled


def _cbm3d() -> Method:
    method = filters.load("bm3d")
    try:
        parts = filters.parts_of(method)
    except UserError as error:
        return Method(NAMES[0], "not installed", "cbm3d", missing=str(error))
    return Method(NAMES[0], parts["version"], "cbm3d", lambda noisy: filters.denoise(method, noisy, SIGMA), parts)


def _family(config: Config, name: str, family: str, run: str, level: float) -> Method:
    return _learned(config, name, f"family {family}", paths.weights(config.scale, family), run, level)


def _learned(config: Config, name: str, text: str, folder: Path, run: str, level: float) -> Method:
    """The networks in `folder` at one level; where it is not `SIGMA`, images are scaled to it."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no weights; run `snakemake --cores all --config scale={config.scale}` first")
    computing = {"mode": "reference", "threads": str(config.settings["threads"])}
    networks = Networks(folder, computing, {})
    text = f"{text}, sigma {level:g}"
    if reason := unavailable_reason(folder) or networks.missing_levels().get(level):
        return Method(name, text, run, missing=reason)
    work, parts = networks.denoiser_for(level)
    if level == SIGMA:
        return Method(name, text, run, work, parts)
    parts = {**parts, "level": f"{level:g}", "scaling": sha256_file(Path(__file__))}
    return Method(name, f"{text}, images scaled to that level", run, scaled(work, np.float32(SIGMA / level)), parts)
