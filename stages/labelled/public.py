"""Photographs with labels that anybody may fetch: parts of ImageNet, and CamVid. The stores in stores.yaml list them.

They are far smaller than the sets of the papers, and no printed cell is about them: docs/photographs.md says what each
of them is and is not.
"""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from redenoise.data.images import opened
from redenoise.data.labelled import IGNORED
from redenoise.data.png import png_bytes
from redenoise.sources.provide import provide
from redenoise.sources.stores import Store, StoreFile, load_manifest, load_store, manifest_path
from redenoise.support.errors import UserError
from redenoise.support.progress import progress

CAMVID = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
VOID = len(CAMVID)  # in a mask of CamVid: none of the classes
IMAGENET_CLASSES = 1000
_FIX = "list the store again, or take the official files"
Examples = tuple[list[dict], list[str]]


def imagenet_1300(split: str, folder: Path, final: Path) -> Examples:
    """1,300 validation images of ImageNet, 227x227, in the order of their list; names of the 1,000 classes.

    Args:
        split: "val".
        folder, final: see `camvid`; nothing is written.

    Raises:
        Unavailable: no source can deliver a file.
        UserError: a file is not the listed one, the list of labels is damaged, or there is no such split.
    """
    files = _fetched("imagenet_1300", split, ("val",))
    inner = {PurePosixPath(path).name: file for path, file in files.items()}
    for name in ("synset_words.txt", "dataset.txt"):
        if name not in inner:
            raise UserError(f"{manifest_path('imagenet_1300')}: {name} is not listed; {_FIX}")
    names = [line.partition(" ")[2] for line in _lines(inner["synset_words.txt"])]
    rows = []
    for number, line in enumerate(_lines(inner["dataset.txt"]), 1):
        path, _, label = (part.strip() for part in line.partition(","))
        name = PurePosixPath(path).name
        if name not in inner or not (label.isascii() and label.isdecimal() and int(label) < len(names)):
            place = f"{inner['dataset.txt'].target}:{number}"
            raise UserError(f"{place}: {line[:80]!r}, expected an image of the list and a class; {_FIX}")
        rows.append(_row(inner[name], split, label=int(label)))
    return rows, _whole(names)


def imagenet_1000(split: str, folder: Path, final: Path) -> Examples:
    """One image of each class of ImageNet, about 500x375, by class; arguments and errors as `imagenet_1300`.

    The label is the place of an image's wnid, with which its name begins, among the sorted ones.
    """
    files = _fetched("imagenet_1000", split, ("train",))
    images = sorted((file for path, file in files.items() if path.endswith(".JPEG")), key=lambda file: file.path)
    names = [PurePosixPath(file.path).stem.partition("_")[2].replace("_", " ") for file in images]
    return [_row(file, split, label=label) for label, file in enumerate(images)], _whole(names)


def camvid(split: str, folder: Path, final: Path) -> Examples:
    """Frames of drives through Cambridge, 480x360, 367 to train, 101 to validate and 233 to test, in published order.

    Source: Brostow, Fauqueur, Cipolla, Pattern Recognition Letters 2009, with the 11 classes of Badrinarayanan et al.,
    IEEE TPAMI 2017. Their value for none of the classes becomes `IGNORED`.

    Args:
        split: "train", "val" or "test".
        folder: where masks are written, and `final`: where that folder will be.

    Raises:
        Unavailable: no source can deliver a file.
        UserError: a file is not the listed one, a mask has another size or a class beyond the last, or there is no
            such split.
    """
    files = _fetched("camvid", split, ("train", "val", "test"))
    (folder / "masks").mkdir()
    images = sorted(path for path in files if PurePosixPath(path).parent.name == split)
    rows = []
    for path in progress(images, len(images), f"masks of {split}"):
        name = PurePosixPath(path).name
        annotated = str(PurePosixPath(path).parents[1] / f"{split}annot" / name)
        if annotated not in files:
            raise UserError(f"{manifest_path('camvid')}: {annotated} is not listed, {path} is; {_FIX}")
        (folder / "masks" / name).write_bytes(png_bytes(_mask(files[annotated].target)))
        rows.append(_row(files[path], split, mask=final / "masks" / name))
    return rows, list(CAMVID)


SOURCES: dict[str, Callable[[str, Path, Path], Examples]] = {
    "imagenet_1300": imagenet_1300,
    "imagenet_1000": imagenet_1000,
    "camvid": camvid,
}


def _fetched(name: str, split: str, allowed: tuple[str, ...]) -> dict[str, StoreFile]:
    """All files of a store by path, in place and verified."""
    if split not in allowed:
        raise UserError(f"params.yaml: {name} has no split {split!r}; allowed: {', '.join(allowed)}")
    store: Store = load_store(name)
    files = load_manifest(name)
    provide(store, list(files.values()))
    return files


def _lines(file: StoreFile) -> Iterator[str]:
    return (line for line in file.target.read_text(encoding="utf-8").splitlines() if line.strip())


def _whole(names: list[str]) -> list[str]:
    if len(names) != IMAGENET_CLASSES:
        raise UserError(f"{len(names)} classes of ImageNet, expected {IMAGENET_CLASSES}; {_FIX}")
    return names


def _row(file: StoreFile, split: str, label: int | str = "", mask: Path | str = "") -> dict:
    name = PurePosixPath(file.path).stem
    return {"id": name, "path": file.target, "mask": mask, "label": label, "split": split, "sha256": file.sha256}


def _mask(path: Path) -> np.ndarray:
    with opened(path, _FIX, "a readable mask") as image:
        if image.mode not in ("L", "P"):
            raise UserError(f"{path}: mode {image.mode}, expected one channel of classes; {_FIX}")
        mask = np.array(image)
    if mask.max() > VOID:
        raise UserError(f"{path}: class {mask.max()}, expected 0 to {VOID}; {_FIX}")
    mask[mask == VOID] = IGNORED
    return mask
