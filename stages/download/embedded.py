"""Stand-ins for the data sets that need no network: crops of photographs shipped inside scikit-image, and patterns.

Test and training sets use different photographs, so no crop can be in both.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from redenoise.data.images import read_image
from redenoise.data.patterns import PATTERNS, pattern
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file

# A crop whose middle 90 per cent of values span less than this is a patch of plain background: easy for any denoiser.
MIN_SPREAD = 48


@dataclass(frozen=True)
class Photograph:
    """A PNG file of scikit-image's data folder (JPEG decoders need not agree to the bit).

    Attributes:
        name: file name without suffix, also the stem of the ids of its crops.
        role: "test" or "train", the only kind of set that its crops go to.
        colour: whether it may stand in a colour set.
        sha256: of the file, since another release of scikit-image may change it.
    """

    name: str
    role: str
    colour: bool
    sha256: str


PHOTOGRAPHS = (
    Photograph("astronaut", "test", True, "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    Photograph("chelsea", "test", True, "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    Photograph("camera", "test", False, "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a"),
    Photograph("coins", "test", False, "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba"),
    Photograph("moon", "test", False, "78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577"),
    Photograph("coffee", "train", True, "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    Photograph("motorcycle_left", "train", True, "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179"),
    Photograph("ihc", "train", True, "f8dd1aa387ddd1f49d8ad13b50921b237df8e9b262606d258770687b0ef93cef"),
    Photograph("brick", "train", False, "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf"),
    Photograph("grass", "train", False, "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89"),
    Photograph("gravel", "train", False, "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12"),
)


def images(key: str, role: str, count: int, size: int, channels: int) -> Iterator[tuple[str, np.ndarray]]:
    """The stand-in for one data set: two thirds crops of photographs, the rest patterns.

    Args:
        key: name of the data set; each gets a choice of its own.
        role: "test" or "train".
        count: number of images.
        size: side in pixels. Photographs that are smaller are left out, and patterns take their place.
        channels: 1 (gray) or 3.

    Yields:
        An id, unique within the set, such as "astronaut_7" (the crop in cell 7 of a grid over the photograph, row by
        row) or "waves_1", and a uint8 image, (size, size) or (size, size, 3). The same pixels on any machine.

    Raises:
        UserError: a photograph is missing from the installed scikit-image, or another one.
    """
    crops = _crops(key, role, size, channels)
    made = 0
    for name, image in crops:
        if made == count - count // 3:
            break
        made += 1
        yield name, image
    names = list(PATTERNS)
    first = _rank(key) % len(names)
    for number in range(count - made):
        name = names[(first + number) % len(names)]
        index = number // len(names)
        yield f"{name}_{index}", pattern(name, f"{key}|{role}|{index}", size, channels)


def read_photograph(photograph: Photograph, gray: bool) -> np.ndarray:
    """Decode a photograph to uint8, (H, W) if `gray`, else (H, W, 3); `UserError` if it is not the expected file."""
    path = Path(str(files("skimage") / "data" / f"{photograph.name}.png"))
    advice = "install the locked version of scikit-image"
    if not path.is_file():
        raise UserError(f"{path}: not found, expected a photograph that ships with scikit-image; {advice}")
    if (found := sha256_file(path)) != photograph.sha256:
        raise UserError(f"{path}: SHA-256 {found}, expected {photograph.sha256}; {advice}")
    return read_image(path, gray)


def _crops(key: str, role: str, size: int, channels: int) -> Iterator[tuple[str, np.ndarray]]:
    """Crops that are not plain background, one from each photograph in turn, until all are used up."""
    chosen = [photo for photo in PHOTOGRAPHS if photo.role == role and (photo.colour or channels == 1)]
    sources = [_crops_of(photo, key, size, channels) for photo in chosen]
    while sources:
        for source in list(sources):
            crop = next(source, None)
            if crop is None:
                sources.remove(source)
            else:
                yield crop


def _crops_of(photograph: Photograph, key: str, size: int, channels: int) -> Iterator[tuple[str, np.ndarray]]:
    image = read_photograph(photograph, gray=channels == 1)
    rows, columns = image.shape[0] // size, image.shape[1] // size
    for cell in sorted(range(rows * columns), key=lambda cell: _rank(key, photograph.name, str(cell))):
        top, left = cell // columns * size, cell % columns * size
        crop = image[top : top + size, left : left + size]
        values = np.sort(crop, axis=None)
        if int(values[-(values.size // 20) - 1]) - int(values[values.size // 20]) >= MIN_SPREAD:
            yield f"{photograph.name}_{cell}", crop


def _rank(*parts: str) -> int:
    """A number that looks random and depends on the parts alone: the order in which a set draws from the grid."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:8], "big")
