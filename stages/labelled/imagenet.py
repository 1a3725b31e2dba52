"""ImageNet: the ILSVRC2012 classification set, from the three archives that a person with an account can have.

The labels are those of torchvision's trained models: the place of an image's wnid among the sorted wnids. Only the
development kit and the archive of the asked split need to be there.

Deviation from torchvision's `parse_train_archive` and `parse_val_archive`, which make the same folders: the classes
are read straight out of the large archive, so that the disk holds them once and progress is shown; every member's
name, place and kind is checked; and nothing appears before all of it is there.
"""

import re
from pathlib import Path, PurePosixPath

from torchvision.datasets import ImageFolder
from torchvision.datasets import imagenet as official

from redenoise.sources.archive import unexpected
from redenoise.support.errors import UserError
from redenoise.support.progress import progress
from stages.labelled.archives import Archive, explained, members, unpacked, write_member

FOLDER = "imagenet"
# Most bytes that the members of each archive may have: the archives have 2.6 MB (packed), 148 GB and 6.7 GB.
UNPACKED_MAX = {"devkit": 100_000_000, "train": 160_000_000_000, "val": 8_000_000_000}
_VAL_NAME = re.compile(r"ILSVRC2012_val_\d{8}\.JPEG")


def examples(split: str, fetch: bool) -> tuple[list[dict], list[str]]:
    """Index rows of a split, sorted by file name, and the names of all classes, synonyms included.

    Args:
        split: "train" or "val".
        fetch: not used: nothing of ImageNet may be downloaded without an account.

    Raises:
        Unavailable: the split is not unpacked, and an archive that it needs is in no folder.
        UserError: an archive is not the official one, or what was unpacked is not whole.
    """
    if split not in ("train", "val"):
        raise UserError(f"params.yaml: ImageNet has no split {split!r}; allowed: train, val")
    with explained(_reason(split)):
        names, truth = _classes()
        archive = archive_of(split)
        if split == "train":
            folder = unpacked(archive, split, False, lambda path, new: _unpack_train(path, new, sorted(names)))
        else:
            folder = unpacked(archive, split, False, lambda path, new: _unpack_val(path, new, truth))
    images = ImageFolder(str(folder))
    if images.classes != sorted(names):
        raise UserError(f"{folder}: its folders are not the classes of the development kit; delete it and start again")
    samples = sorted(((Path(path), label) for path, label in images.samples), key=lambda sample: sample[0].name)
    rows = [
        {"id": path.stem, "path": path, "mask": "", "label": label, "split": split, "sha256": ""}
        for path, label in samples
    ]
    return rows, [", ".join(names[wnid]) for wnid in sorted(names)]


def archive_of(part: str) -> Archive:
    """The official archive of "devkit", "train" or "val"."""
    name, md5 = official.ARCHIVE_META[part]
    return Archive(FOLDER, name, md5, UNPACKED_MAX[part])


def _reason(split: str) -> str:
    names = " and ".join(archive_of(part).name for part in ("devkit", split))
    return (
        f"ImageNet is not here: {names}, which image-net.org gives to persons with an account, "
        f"belong into REDENOISE_MIRROR/{FOLDER}/ or data/{FOLDER}/"
    )


def _classes() -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Names of the classes by wnid, and the wnids of the validation images in the order of their numbers."""
    folder = unpacked(archive_of("devkit"), "devkit", False, _unpack_devkit)
    try:
        names, truth = official.load_meta_file(folder)
    except Exception as error:  # whatever torch.load makes of a damaged file: it has no error of its own
        raise UserError(f"{folder}: not readable ({type(error).__name__}); delete it and start again") from None
    return names, truth


def _unpack_devkit(archive: Path, folder: Path) -> int:
    """Have torchvision read classes and ground truth from the development kit, once its members are found harmless."""
    for _ in members(archive, str(archive), UNPACKED_MAX["devkit"]):
        pass
    try:
        official.parse_devkit_archive(folder, str(archive.absolute()))
    except (FileNotFoundError, KeyError, IndexError, TypeError, ValueError) as error:
        raise unexpected(archive, f"no classes found in it: {error!r}") from None
    return 1


def _unpack_train(archive: Path, folder: Path, wnids: list[str]) -> int:
    """One folder per class, from the archive of archives; returns the number of images."""
    count, missing = 0, set(wnids)
    walk = members(archive, str(archive), UNPACKED_MAX["train"])
    for path, stream in progress(walk, len(wnids), f"unpack {archive.name}", unit="archive"):
        wnid = path.stem
        if path != PurePosixPath(f"{wnid}.tar") or wnid not in missing:
            raise unexpected(archive, f"member {str(path)!r} is no archive of a class, or comes twice")
        missing.remove(wnid)
        (folder / wnid).mkdir()
        before, inside = count, f"{archive}: {path}"
        for image, content in members(stream, inside, UNPACKED_MAX["train"]):
            if not re.fullmatch(rf"{wnid}_\d+\.JPEG", str(image)):
                raise unexpected(inside, f"member {str(image)!r} is no image of the class")
            write_member(content, folder / wnid / image.name, inside)
            count += 1
        if count == before:
            raise unexpected(inside, "no images in it")
    if missing:
        raise unexpected(archive, f"{len(missing)} classes are not in it, first {min(missing)}")
    return count


def _unpack_val(archive: Path, folder: Path, truth: list[str]) -> int:
    """One folder per class; the images in the order of their names have the classes of `truth`."""
    for wnid in set(truth):
        (folder / wnid).mkdir()
    images = []
    walk = members(archive, str(archive), UNPACKED_MAX["val"])
    for path, stream in progress(walk, len(truth), f"unpack {archive.name}"):
        if not _VAL_NAME.fullmatch(str(path)):
            raise unexpected(archive, f"member {str(path)!r} is no validation image")
        write_member(stream, folder / path.name, str(archive))
        images.append(path.name)
    if len(images) != len(truth):
        raise unexpected(archive, f"{len(images)} images, the development kit has the classes of {len(truth)}")
    for name, wnid in zip(sorted(images), truth, strict=True):
        (folder / name).rename(folder / wnid / name)
    return len(images)
