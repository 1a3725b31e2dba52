"""What is read to be measured: a noisy or a degraded set, and what its images are compared with."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path
from redenoise.data.images import read_image
from redenoise.support.errors import damage_explained
from redenoise.support.files import plain, read_json

MEASURED_BY = "measured_by.json"  # in a degraded set: its title, its parameter, and the border to leave out
LESS_MEMORY = "run fewer jobs at once (--cores), or take smaller images"


@dataclass(frozen=True)
class Inputs:
    """What a run reads, and how it is measured.

    Attributes:
        noisy: folder of the noisy images, or of those that are degraded in another way, and their index.
        clean: folder of what they are compared with; references among the degraded images are arrays of their own.
        title: of the data set, as results have it.
        stage: that made the noisy images.
        parameter: what their level is called, a column of the index.
        border: pixels at every side that are not measured, by level; 0 where none is given.
    """

    noisy: Path
    clean: Path
    title: str
    stage: str = "synthesize"
    parameter: str = "sigma"
    border: dict[str, int] = field(default_factory=dict)

    def reference(self, row: dict[str, str], gray: bool) -> np.ndarray:
        """What a denoised image is compared with: uint8, or float32 of a degraded set, whose protocol may not round."""
        path = checked_path(self.clean, {"path": row["clean"], "sha256": row["clean_sha256"]})
        return read_image(path, gray) if self.stage == "synthesize" else read_noisy(path, self.stage)

    def inner(self, image: np.ndarray, level: str) -> np.ndarray:
        """The part of an image that is measured."""
        border = self.border.get(level, 0)
        return image[border : image.shape[0] - border, border : image.shape[1] - border]


def inputs_of(config: Config, entry: dict) -> Inputs:
    """What a node reads that measures: a noisy set, or a `degraded` one, which says itself how it is measured."""
    if "degraded" not in entry:
        key = entry["dataset"]
        return Inputs(paths.noisy(config.scale, key), paths.data(config.scale, key), dataset_title(config, key))
    folder = paths.degraded(config.scale, entry["degraded"])
    facts = read_json(folder / MEASURED_BY, dict, ("title", "parameter", "border"))
    return Inputs(folder, folder, facts["title"], "degrade", facts["parameter"], facts["border"])


def dataset_title(config: Config, key: str) -> str:
    """The printed name of a data set; stand-ins for it carry a prefix, so that they never meet a printed value."""
    title = config.entry("download", key)["title"]
    return title if config.settings["real_data"] else f"demo:{title}"


def read_noisy(path: Path, stage: str = "synthesize") -> np.ndarray:
    """A float32 array written by the stage `stage`; pickled content is refused."""
    with damage_explained(path, "not a NumPy array", f"run the {stage} stage again"):
        try:
            found = np.load(plain(path), allow_pickle=False)
        except MemoryError:
            np.load(path, mmap_mode="r")  # raises `ValueError` where the header declares more than the file holds
            raise
        if not isinstance(found, np.ndarray) or found.dtype != np.float32 or found.ndim not in (2, 3):
            raise ValueError("expected float32 in two or three dimensions")
        return found
