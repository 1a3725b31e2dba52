"""Tasks behind learned denoisers: `python -m stages.recognition [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with accuracies, their 95 % intervals and the PSNR of the denoised images, and
`build/<scale>/outcomes/<key>.npz` with what became of every image: the rank of its class, or its overlaps by class.
"""

from pathlib import Path
from typing import Any

from stages.common import config, paths
from stages.common.errors import run_cli
from stages.common.torch_mode import device
from stages.recognition.denoisers import Learned
from stages.recognition.node import command_line, levels_of, measure, run


def recognition(settings: config.Config, key: str, shard: tuple[int, int] | None = None) -> None:
    """Measure one task behind one learned denoiser."""
    entry = settings.entry("recognition", key)
    folder = paths.build(settings.scale) / Path(entry["denoiser"])

    def work(record: dict[str, Any]) -> None:
        learned = Learned(folder, device())
        missing = learned.missing_levels()
        if missing:
            record["unavailable_levels"] = {f"sigma={sigma:g}": why for sigma, why in missing.items()}
        measure(settings, key, entry, levels_of(settings, entry, missing), lambda: learned, shard)

    run(settings, "recognition", key, [folder], shard, work)


if __name__ == "__main__":
    run_cli(lambda: command_line("recognition", "recognition", recognition))
