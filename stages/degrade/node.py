"""Degraded test sets: `python -m stages.degrade [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/degraded/<key>/<parameter><level>/<image>.npy`, float32 (H, W) or (H, W, 3) on the [0, 255]
scale; beside them, below `reference/`, what a restored image is compared with; `index.csv` with the hashes of both; and
`measured_by.json`, which says how the set is measured. The entry's protocol decides about:

- `colour`: `rgb`, the image as its data set is read, or `luminance`, of colour images their luminance;
- `rounded`: whether luminance is rounded to whole levels before it is degraded;
- `multiple`: whether the sides are cut off on the right and below to multiples of the `level`;
- `border`: whether as many pixels at every side as the `level` says are not measured.
"""

import io
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index, unavailable_reason, write_index, write_unavailable
from redenoise.data.images import read_image
from redenoise.data.luminance import luminance
from redenoise.measure import degradations
from redenoise.measure.inputs import LESS_MEMORY, MEASURED_BY, dataset_title
from redenoise.measure.noise import noise_field
from redenoise.support.errors import UserError, during
from redenoise.support.files import atomic_open, renewed, sha256_file, write_json
from redenoise.support.progress import progress


def run(config: Config, key: str) -> None:
    """Make one degraded set."""
    entry = config.entry("degrade", key)
    protocol = config.params["protocols"][entry["protocol"]]
    module = degradations.load(entry["degradation"])
    source, target = paths.data(config.scale, entry["dataset"]), paths.degraded(config.scale, key)
    with provenance.recorded(config, "degrade", key) as record, renewed(target) as new:
        if reason := unavailable_reason(source):
            write_unavailable(new, reason)
            record["unavailable"] = reason
        gray = config.entry("download", entry["dataset"])["channels"] == 1
        images, levels = read_index(source), sorted(entry["levels"])
        work, rows = [(row, level) for level in levels for row in images], []
        for row, level in progress(work, len(work), f"degrade {key}"):
            with during(f"degrade {key}: image {row['id']}, {module.PARAMETER} {level}", LESS_MEMORY):
                clean = prepared(checked_path(source, row), gray, protocol, level)
                rows.append(_degraded(config.params["seed"], module, source.name, row["id"], clean, level, new))
        write_index(new, ("id", module.PARAMETER, "path", "sha256", "clean", "clean_sha256"), rows)
        border = {str(level): level for level in levels if protocol["border"] == "level"}
        title = dataset_title(config, entry["dataset"])
        write_json(new / MEASURED_BY, {"title": title, "parameter": module.PARAMETER, "border": border})


def prepared(path: Path, gray: bool, protocol: dict, level: int) -> np.ndarray:
    """One clean image as its protocol wants it, float64 (H, W) or (H, W, 3) on the [0, 255] scale.

    Raises:
        UserError: it is smaller than the multiple that its sides are to have.
    """
    if protocol["colour"] == "luminance":
        image = luminance(read_image(path), protocol["rounded"])  # as stored: a gray file of a colour set stays gray
    else:
        image = read_image(path, gray).astype(np.float64)
    multiple = level if protocol["multiple"] == "level" else 1
    height, width = (side - side % multiple for side in image.shape[:2])
    if not height or not width:
        found = "x".join(map(str, image.shape[:2]))
        raise UserError(f"{path}: {found} pixels, expected {multiple} on each side; lower the level in params.yaml")
    return image[:height, :width]


def _degraded(
    seed: int, module: ModuleType, dataset: str, image: str, clean: np.ndarray, level: int, target: Path
) -> dict[str, object]:
    """Write one degraded image and its reference; where noise is drawn, its key is that of the stage `synthesize`."""
    draw = partial(noise_field, seed=seed, dataset=dataset, image=image, sigma=level)
    degraded = degradations.degrade(module, clean, level, draw)
    folder = f"{module.PARAMETER}{level}"
    path, reference = target / folder / f"{image}.npy", target / "reference" / folder / f"{image}.npy"
    _write(path, degraded)
    _write(reference, clean.astype(np.float32))
    return {
        "id": image,
        module.PARAMETER: level,
        "path": path.relative_to(target).as_posix(),
        "sha256": sha256_file(path),
        "clean": reference.relative_to(target).as_posix(),
        "clean_sha256": sha256_file(reference),
    }


def _write(path: Path, image: np.ndarray) -> None:
    stored = io.BytesIO()  # NumPy's own writing to a file does not say why it failed
    np.save(stored, image)
    with atomic_open(path) as stream:
        stream.write(stored.getvalue())
