"""Tasks behind learned denoisers: `python -m stages.recognize [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with accuracies, their 95 % intervals and the PSNR of the denoised images, and
`build/<scale>/outcomes/<key>.npz` with what became of every image: the rank of its class, or its overlaps by class.
"""

from functools import partial
from pathlib import Path

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.levels import outside
from redenoise.dag.shards import Shard, Work
from redenoise.measure.torch_mode import device
from redenoise.recognition.denoisers import Learned
from redenoise.recognition.node import levels_of, measure, worked


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Measure one task behind one learned denoiser; with a `shard`, only make that share of its parts."""
    entry = config.entry("recognize", key)
    folder = paths.build(config.scale) / Path(entry["denoiser"])
    section, _, name = entry["denoiser"].partition("/")
    trained = config.entry("cascade" if section == "cascades" else "train", name)

    def act(work: Work) -> None:
        learned = Learned(folder, device())
        missing = learned.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"sigma={sigma:g}": why for sigma, why in missing.items()}
        levels = levels_of(config, entry, missing)
        measure(config, key, entry, levels, lambda: learned, work, remark=partial(outside, trained))

    worked(config, "recognize", key, [folder], shard, act)
