"""Leakage check: no test image may be among the training images.

`python -m stages.leakage [--scale SCALE] [--only KEY]` compares the two sets of a pair by two hashes:

- exact: SHA-256 of the gray pixels, in any of the eight orientations that training flips and turns make;
- near: a 256-bit difference hash of the image shrunk to 17x16 (neighbouring pixels compared), which survives
  recompression, rescaling and conversion to gray. Unrelated photographs differ in about 100 bits.

An image with few bits of either kind, plain or a mere gradient, stars on black or a few lines of text, has a hash like
others of its kind, and is compared by its pixels alone; one of a single gray value has nothing to leak. Crops smaller
than the image are not found. A match fails the run with the names of both images, unless params.yaml
declares that the two sets overlap. An evaluation waits for the pair of its test set and the training set of its
network, whoever trained that, and a training for the pair of its own two sets. Images with labels are not compared.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.support.errors import UserError
from redenoise.support.files import write_text

NEAR_BITS = 16
TELLING_BITS = 24  # set, and not set, in a hash that tells its image from others of its kind
SHOWN = 10
NO_LEAKAGE = "No test image was found among the training images.\n"  # always the same, see dag/table.py


def exact_hashes(gray: np.ndarray) -> list[str]:
    """SHA-256 of a uint8 (H, W) image in its eight orientations, the upright one first."""
    turned = [np.rot90(flipped, turns) for flipped in (gray, gray[:, ::-1]) for turns in range(4)]
    return [hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest() for image in turned]


def difference_hash(gray: np.ndarray) -> np.ndarray:
    """256 bits, as bool: whether each pixel of the image shrunk to 17x16 is brighter than its right neighbour."""
    small = np.asarray(Image.fromarray(gray).resize((17, 16), Image.Resampling.BOX), dtype=np.int16)
    return (small[:, :-1] > small[:, 1:]).ravel()


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of one uint8 (H, W) image.

    Attributes:
        exact: in eight orientations; none of an image of a single value.
        bits: of the upright difference hash.
    """

    exact: tuple[str, ...]
    bits: np.ndarray

    @classmethod
    def of(cls, gray: np.ndarray) -> "Fingerprint":
        """Hash an image."""
        return cls(() if gray.min() == gray.max() else tuple(exact_hashes(gray)), difference_hash(gray))

    @property
    def telling(self) -> bool:
        """Whether images that have nearly the same bits are likely to be the same."""
        return TELLING_BITS <= int(self.bits.sum()) <= len(self.bits) - TELLING_BITS


def find_leaks(test: dict[str, Fingerprint], train: dict[str, Fingerprint]) -> list[tuple[str, str, str]]:
    """Pairs (test name, training name, how they match) among the fingerprints of images given by name."""
    if not test:
        return []
    names = list(test)
    upright = {image.exact[0]: name for name, image in test.items() if image.exact}
    telling = np.array([image.telling for image in test.values()])
    bits = np.array([image.bits for image in test.values()])
    leaks = []
    for name, image in train.items():
        exact = sorted({upright[value] for value in image.exact if value in upright})
        leaks += [(found, name, "the same pixels") for found in exact]
        distances = (bits != image.bits).sum(axis=1)
        leaks += [
            (names[index], name, f"near, {distances[index]} of 256 bits differ")
            for index in np.flatnonzero(telling & (distances <= NEAR_BITS) & image.telling)
            if names[index] not in exact
        ]
    return leaks


def run(config: Config, key: str) -> None:
    """Compare the test set of a pair with its training set; how many images match, and which, goes into the record.

    Raises:
        UserError: a test image is among the training images.
    """
    test, train = (config.entry("leakage", key)[side] for side in ("test", "train"))
    with provenance.recorded(config, "leakage", key) as record:
        tested, trained = (_fingerprints(paths.data(config.scale, name)) for name in (test, train))
        leaks = find_leaks(tested, trained)
        if leaks and train not in config.entry("download", test).get("overlaps", []):
            wrong = [f"{test}/{found} is in {train} as {name} ({how})" for found, name, how in leaks]
            shown = "; ".join(wrong[:SHOWN]) + (f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else "")
            raise UserError(f"test images among the training images: {shown}; take them out of the training set")
        record["compared"] = {test: len(tested), train: len(trained)}
        record["matches"] = {"count": len(leaks), "names": sorted({name for name, _, _ in leaks})}
        write_text(paths.checked(config.scale, key), NO_LEAKAGE)


def _fingerprints(folder: Path) -> dict[str, Fingerprint]:
    images = ((row["id"], read_image(checked_path(folder, row), gray=True)) for row in read_index(folder))
    return {name: Fingerprint.of(image) for name, image in images}
