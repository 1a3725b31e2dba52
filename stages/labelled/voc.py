"""Pascal VOC 2012, and the masks of the Semantic Boundaries Dataset (SBD; Hariharan et al., ICCV 2011) on its images.

The augmented training set of Chen et al. (ICLR 2015), 10,582 images, has the masks of VOC where VOC has one, and those
of SBD elsewhere. The masks of VOC keep 255 (ignored) along the borders of objects, those of SBD have no such pixels.
"""

import io
import re
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image
from scipy.io import loadmat
from torchvision.datasets import SBDataset, voc

from redenoise.dag import paths
from redenoise.data.labelled import IGNORED
from redenoise.sources.archive import OFFICIAL, REPLACE, unexpected
from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain, sha256_file
from stages.labelled.archives import Archive, explained, members, unpacked, write_member

FOLDER = "voc"
CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
SPLITS = ("train_aug", "val")
IMAGES, MASKS = "JPEGImages", "SegmentationClass"
# The archives have 2.0 GB, not packed, and 1.4 GB, packed. The masks of SBD are far smaller than this.
VOC_MAX, SBD_PACKED_MAX, SBD_MAX, MASK_MAX = 2_200_000_000, 1_600_000_000, 10_000_000_000, 32_000_000
_ID = re.compile(r"\d{4}_\d{6}")


def examples(split: str, fetch: bool) -> tuple[list[dict], list[str]]:
    """Index rows of a split in the order of its list, and the names of the classes.

    Args:
        split: "train_aug" or "val".
        fetch: whether the archives may be downloaded, 2.0 GB, and 1.4 GB more for the training set.

    Raises:
        Unavailable: an archive is in no folder and may not, or cannot, be downloaded.
        UserError: an archive is not the official one, or what was unpacked is not whole, or the list is wrong.
    """
    if split not in SPLITS:
        raise UserError(f"params.yaml: Pascal VOC has no split {split!r}; allowed: {', '.join(SPLITS)}")
    ids = read_list(split)
    archives = [voc_archive()] + ([sbd_archive()] if split == "train_aug" else [])
    with explained(_reason(archives, fetch)):
        base = unpacked(archives[0], "VOC2012", fetch, _unpack_voc)
        masks = [base / MASKS]
        if split == "train_aug":
            masks.append(unpacked(archives[1], "SBD", fetch, _unpack_sbd))
    return [_row(name, base / IMAGES / f"{name}.jpg", masks, split) for name in ids], list(CLASSES)


def list_path(split: str) -> Path:
    """The committed list of a split's ids."""
    return paths.MANIFESTS / "lists" / f"voc2012_{split}.txt"


def read_list(split: str) -> list[str]:
    """The ids of a split in published order; `UserError` for a missing list, a wrong line or an id that comes twice."""
    path = list_path(split)
    try:
        ids = plain(path).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise UserError(f"{path}: not found; restore it with `git checkout {path}`") from None
    wrong = [name for name in ids if not _ID.fullmatch(name)]
    if not ids or wrong or len(set(ids)) < len(ids):
        found = f"{wrong[0]!r} is no id such as 2007_000032" if wrong else "no ids, or one that comes twice"
        raise UserError(f"{path}: {found}; restore it with `git checkout {path}`")
    return ids


def voc_archive() -> Archive:
    """Images and masks of Pascal VOC 2012."""
    entry = voc.DATASET_YEAR_DICT["2012"]
    return Archive(FOLDER, entry["filename"], entry["md5"], VOC_MAX, entry["url"], VOC_MAX)


def sbd_archive() -> Archive:
    """The Semantic Boundaries Dataset."""
    return Archive(FOLDER, SBDataset.filename, SBDataset.md5, SBD_MAX, SBDataset.url, SBD_PACKED_MAX)


def _reason(archives: list[Archive], fetch: bool) -> str:
    names = " and ".join(archive.name for archive in archives)
    places = f"in REDENOISE_MIRROR/{FOLDER}/ or data/{FOLDER}/"
    why = "the origin does not deliver" if fetch else "this scale downloads no labelled data"
    return f"Pascal VOC 2012 is not here: {names} not found {places}, and {why}"


def _row(name: str, image: Path, folders: list[Path], split: str) -> dict:
    mask = next((path for folder in folders if (path := folder / f"{name}.png").is_file()), None)
    if mask is None or not image.is_file():
        absent = image if mask else folders[-1] / f"{name}.png"
        raise UserError(f"{absent}: not in the archives, but {list_path(split)} lists it; correct the list")
    return {"id": name, "path": image, "mask": mask, "label": "", "split": split, "sha256": sha256_file(image)}


def _unpack_voc(archive: Path, folder: Path) -> int:
    """All images and class masks, as they are: the masks' palette indices are the classes."""
    for name in (IMAGES, MASKS):
        (folder / name).mkdir()
    count = 0
    base = voc.DATASET_YEAR_DICT["2012"]["base_dir"]
    wanted = {f"{base}/{IMAGES}": ".jpg", f"{base}/{MASKS}": ".png"}
    for path, stream in members(archive, str(archive), VOC_MAX):
        if wanted.get(str(path.parent)) == path.suffix:
            write_member(stream, folder / path.parent.name / path.name, str(archive))
            count += 1
    if not count:
        raise unexpected(archive, f"nothing below {base}/{IMAGES}")
    return count


def _unpack_sbd(archive: Path, folder: Path) -> int:
    """The class masks, converted from MATLAB files to PNG."""
    count = 0
    for path, stream in members(archive, str(archive), SBD_MAX):
        if str(path.parent) == "benchmark_RELEASE/dataset/cls" and path.suffix == ".mat":
            mask = _read_sbd(stream, f"{archive}: {path}")
            Image.fromarray(mask).save(folder / f"{path.stem}.png", format="PNG")
            count += 1
    if not count:
        raise unexpected(archive, "no masks below benchmark_RELEASE/dataset/cls")
    return count


def _read_sbd(stream: IO[bytes], name: str) -> np.ndarray:
    """`GTcls.Segmentation` of one MATLAB file, uint8 (H, W), 0 for background, 1 to 20."""
    data = stream.read(MASK_MAX + 1)
    if len(data) > MASK_MAX:
        raise unexpected(name, f"more than {MASK_MAX} bytes")
    with damage_explained(name, f"{OFFICIAL}, no GTcls.Segmentation in it", REPLACE):
        mask = loadmat(io.BytesIO(data), variable_names=["GTcls"])["GTcls"][0]["Segmentation"][0]
    allowed = (*range(len(CLASSES)), IGNORED)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8 or mask.ndim != 2 or not np.isin(mask, allowed).all():
        raise unexpected(name, f"GTcls.Segmentation is no image of classes 0 to {len(CLASSES) - 1}")
    return mask
