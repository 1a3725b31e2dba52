"""Reading the folders of the stage `labelled`: images with a class label or a mask of classes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.dag.indexed import INDEX, read_index
from redenoise.data.images import IMAGE_DAMAGE, MAX_PIXELS, read_image
from redenoise.support.errors import UserError
from redenoise.support.files import plain, read_json, sha256_file

COLUMNS = ("id", "path", "mask", "label", "split", "sha256")
CLASSES = "classes.json"  # beside the index: a list with the name of every class
IGNORED = 255  # in a mask: a pixel that counts neither in training nor in a score
_AGAIN = "delete it and run `python -m stages.labelled` again"


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image.

    Attributes:
        id: unique within its set.
        path: the image, relative to the root of the project.
        mask: for segmentation, a PNG file with one class index per pixel, 0 for background, 255 for ignored.
        label: for classification, the index of the image's class.
        sha256: of the image file; empty where the archive it came from was checked instead.
    """

    id: str
    path: Path
    mask: Path | None
    label: int | None
    sha256: str = ""


def read_labelled(folder: Path) -> list[Example]:
    """The examples of a set in published order; none if the set is not there (`indexed.unavailable_reason` says why).

    Raises:
        UserError: the index or the names of the classes are missing or damaged, or a label is outside the range.
    """
    classes = read_json(folder / CLASSES, list)
    rows = read_index(folder, COLUMNS)
    return [_example(folder / INDEX, row, len(classes)) for row in rows]


def _example(index: Path, row: dict[str, str], classes: int) -> Example:
    label, mask = row["label"], row["mask"]
    if bool(label) == bool(mask):
        raise UserError(f"{index}: {row['id']} has label {label!r} and mask {mask!r}, expected one of them; {_AGAIN}")
    if label and not (label.isascii() and label.isdecimal() and int(label) < classes):
        raise UserError(f"{index}: {row['id']} has label {label!r}, expected 0 to {classes - 1}; {_AGAIN}")
    number = int(label) if label else None
    return Example(row["id"], Path(row["path"]), Path(mask) if mask else None, number, row["sha256"])


def read_image_of(example: Example) -> np.ndarray:
    """The image of an example, uint8 (H, W, 3) in RGB.

    Raises:
        UserError: the file is missing, is not the one of the index, is no image, or is larger than `MAX_PIXELS`.
    """
    path = example.path
    if not path.is_file():
        raise UserError(f"{path}: the image is missing; run `python -m stages.labelled` again")
    if example.sha256 and (found := sha256_file(path)) != example.sha256:
        line = f"{path}: SHA-256 is {found[:12]}…, {INDEX} says {example.sha256[:12]}…"
        raise UserError(f"{line}; the file was damaged or changed: {_AGAIN}")
    return read_image(path, gray=False)


def read_mask_of(example: Example, classes: int) -> np.ndarray:
    """The mask of an example, uint8 (H, W): a class below `classes`, or 255, at each pixel of its image.

    The masks of Pascal VOC are palette images; what counts is the index in the palette, not the colour.

    Raises:
        UserError: the file is missing or no image of one channel, its size is not the image's, or it has another value.
    """
    if example.mask is None:
        raise UserError(f"{example.path}: {example.id} has a label and no mask; choose a set for segmentation")
    width, height = _size(example.path)
    mask = _indices(example.mask, (width, height), example.path)
    wrong = mask[(mask >= classes) & (mask != IGNORED)]
    if wrong.size:
        line = f"{example.mask}: class {wrong[0]} at {wrong.size} pixels, expected 0 to {classes - 1} or {IGNORED}"
        raise UserError(f"{line}; {_AGAIN}, or correct `classes` of the task in params.yaml")
    return mask


def _indices(path: Path, size: tuple[int, int], image: Path) -> np.ndarray:
    try:
        with Image.open(plain(path)) as mask:
            if mask.mode not in ("L", "P"):
                raise UserError(f"{path}: mode {mask.mode}, expected one channel of 8-bit class indices; {_AGAIN}")
            if mask.size != size:
                found, expected = ("x".join(map(str, pair)) for pair in (mask.size, size))
                raise UserError(f"{path}: {found} pixels, expected {expected} as its image {image} has; {_AGAIN}")
            return np.array(mask)
    except FileNotFoundError:
        raise UserError(f"{path}: the mask is missing; run `python -m stages.labelled` again") from None
    except IMAGE_DAMAGE as error:
        raise UserError(f"{path}: not a readable mask ({error}); {_AGAIN}") from None


def _size(path: Path) -> tuple[int, int]:
    """Width and height of an image, from its header."""
    try:
        with Image.open(plain(path)) as image:
            width, height = image.size
    except FileNotFoundError:
        raise UserError(f"{path}: the image is missing; run `python -m stages.labelled` again") from None
    except IMAGE_DAMAGE as error:
        raise UserError(f"{path}: not a readable image ({error}); {_AGAIN}") from None
    if width * height > MAX_PIXELS:
        raise UserError(f"{path}: {width}x{height} pixels, expected at most {MAX_PIXELS}; {_AGAIN}")
    return width, height
