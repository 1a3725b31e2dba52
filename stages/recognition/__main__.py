"""Tasks behind learned denoisers: `python -m stages.recognition [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with accuracies, their 95 % intervals and the PSNR of the denoised images, and
`build/<scale>/outcomes/<key>.npz` with what became of every image: the rank of its class, or its overlaps by class.
"""

from pathlib import Path

from stages.common import config, paths
from stages.common.errors import run_cli
from stages.common.shards import Shard, Work, command_line
from stages.common.torch_mode import device
from stages.recognition.denoisers import Learned
from stages.recognition.node import levels_of, measure, run


def recognition(settings: config.Config, key: str, shard: Shard | None = None) -> None:
    """Measure one task behind one learned denoiser; with a `shard`, only make that share of its parts."""
    entry = settings.entry("recognition", key)
    folder = paths.build(settings.scale) / Path(entry["denoiser"])

    def act(work: Work) -> None:
        learned = Learned(folder, device())
        missing = learned.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"sigma={sigma:g}": why for sigma, why in missing.items()}
        measure(settings, key, entry, levels_of(settings, entry, missing), lambda: learned, work)

    run(settings, "recognition", key, [folder], shard, act)


def main() -> None:
    """Command line of the stage."""
    command_line("recognition", "Measure high-level tasks behind learned denoisers.", "parts", recognition)


if __name__ == "__main__":
    run_cli(main)
