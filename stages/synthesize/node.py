"""Noisy test sets: `python -m stages.synthesize [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/noisy/<key>/sigma<level>/<image>.npy`, float32 (H, W) or (H, W, 3) on the [0, 255] scale,
unclipped, and `index.csv` with the hash of every noisy array and of the clean image it was made from.
"""

import io
from pathlib import Path

import numpy as np

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index, unavailable_reason, write_index, write_unavailable
from redenoise.data.images import read_image
from redenoise.measure.noise import add_noise
from redenoise.support.files import atomic_open, renewed, sha256_file
from redenoise.support.progress import progress

COLUMNS = ("id", "sigma", "path", "sha256", "clean", "clean_sha256")


def run(config: Config, key: str) -> None:
    """Make one noisy set."""
    entry = config.entry("synthesize", key)
    source = paths.data(config.scale, key)
    target = paths.noisy(config.scale, key)
    with (
        provenance.recorded(config, "synthesize", key) as record,
        renewed(target) as new,
    ):
        reason = unavailable_reason(source)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        gray = config.entry("download", key)["channels"] == 1
        images = read_index(source)
        work = [(row, sigma) for sigma in sorted(entry["sigmas"]) for row in images]
        rows = [
            _noisy_image(config.params["seed"], source, row, sigma, gray, new)
            for row, sigma in progress(work, len(work), f"synthesize {key}")
        ]
        write_index(new, COLUMNS, rows)


def _noisy_image(seed: int, source: Path, row: dict, sigma: float, gray: bool, target: Path) -> dict:
    """Write one noisy array; the noise is keyed by the data set, the image id and sigma."""
    clean_path = checked_path(source, row)
    clean = read_image(clean_path, gray)
    path = target / f"sigma{sigma:g}" / f"{row['id']}.npy"
    noisy = io.BytesIO()  # NumPy's own writing to a file does not say why it failed
    np.save(noisy, add_noise(clean, seed=seed, dataset=source.name, image=row["id"], sigma=sigma))
    with atomic_open(path) as stream:
        stream.write(noisy.getvalue())
    return {
        "id": row["id"],
        "sigma": sigma,
        "path": path.relative_to(target).as_posix(),
        "sha256": sha256_file(path),
        "clean": row["path"],
        "clean_sha256": row["sha256"],
    }
