"""The images of somebody's folder: their ids, and what is refused."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from redenoise.commands.refusals import Refusals, refused
from redenoise.data.images import GRAY, SIXTEEN, kind_of, opened, require_known
from redenoise.sources.disk import IMAGE_SUFFIXES
from redenoise.support.errors import UserError
from redenoise.support.progress import progress

MIN_SIDE = 16  # pixels; SSIM has a window of 11


@dataclass(frozen=True)
class Picture:
    """One image of somebody's folder: its path there, its id, and whether it is gray."""

    path: Path
    id: str
    gray: bool


def pictures(folder: Path, skip: bool) -> list[Picture]:
    """All images below a folder, sorted by path, decoded once to see that they are sound.

    Args:
        skip: whether images that are refused are named and passed over.

    Raises:
        UserError: there are none, or, without `skip`, one is damaged or of a kind that would not survive decoding to 8
            bits, or two of them would bear one name.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder, expected one with images; correct the path")
    visible = (path for path in folder.rglob("*") if not any(part[0] == "." for part in path.relative_to(folder).parts))
    files = sorted(path for path in visible if path.is_file())
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise UserError(f"{folder}: no images, expected files whose names end in {kinds}; correct the path")
    if others := [path for path in files if path.suffix.lower() not in IMAGE_SUFFIXES]:
        line = f"skipped {len(others)} of {len(files)} files"
        print(f"{line} (first {others[0]}): what is no PNG, JPEG, BMP or TIFF", file=sys.stderr)
    names: dict[str, Path] = {}
    found = []
    refusals = Refusals(skip, len(images), "images")
    for path in progress(images, len(images), f"read {folder}", unit="image"):
        where = path.relative_to(folder).as_posix()
        if not where.isprintable() or "\\" in where:
            raise UserError(f"{folder}: {where!r}: expected a name of printable characters without \\; rename it")
        with refusals.passed_over(), refused(path):
            one = Picture(path, identity(path), is_gray(path))
            own = {f"id {one.id}", f"file name {path.name}"}
            if taken := next(filter(names.__contains__, sorted(own)), None):
                raise UserError(f"{taken} is that of {names[taken]} too; rename one of them")
            names |= dict.fromkeys(own, path)
            found.append(one)
    refusals.close()
    return found


def identity(path: Path) -> str:
    """The id of an image: its name without the suffix, other characters than letters, digits and ._=- replaced."""
    name = re.sub(r"[^A-Za-z0-9._=-]+", "-", path.stem).lstrip("._=-")
    if not name:
        raise UserError(f"{path}: no letter or digit of ASCII in its name; rename it")
    return name


def is_gray(path: Path) -> bool:
    """Whether an image has one channel; raises `UserError` if the pipeline could not read it as it is."""
    with opened(path, "replace or remove it") as image:
        if min(image.size) < MIN_SIDE:
            found = f"{image.width}x{image.height} pixels"
            raise UserError(f"{path}: {found}, expected {MIN_SIDE} on each side; resize or remove it")
        image.load()
        require_known(image, path)
        return image.mode in GRAY or kind_of(image) in SIXTEEN
