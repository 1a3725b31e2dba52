"""Files as one archive that is cut into parts of a bounded size, for ways home that take small files only."""

import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open

_PART = re.compile(r"(?P<name>.+)\.(?P<number>\d+)-of-(?P<count>\d+)\.part")


def write_parts(folder: Path, name: str, files: Mapping[str, Path], limit: int) -> list[Path]:
    """Write files as `<name>.<i>-of-<n>.part`, in place of an earlier archive of this name.

    Args:
        files: by their names in the archive.
        limit: bytes of a part at most.
    """
    with tempfile.TemporaryFile() as whole:
        with tarfile.open(fileobj=whole, mode="w") as archive:
            for inside, path in files.items():
                archive.add(path, inside, recursive=False)
        count = -(-whole.tell() // limit)
        whole.seek(0)
        old = set(folder.glob(f"{name}.*-of-*.part"))
        paths = [folder / f"{name}.{number}-of-{count}.part" for number in range(1, count + 1)]
        for path in paths:
            with atomic_open(path) as part:
                part.write(whole.read(limit))
    for path in old - set(paths):
        path.unlink()
    return paths


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """A temporary folder with the files of all archives in a folder.

    Raises:
        UserError: there is no archive, one lacks a part, or is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="redenoise-pack-") as target:
        for name, parts in _archives(folder).items():
            with tempfile.TemporaryFile() as whole:
                for path in parts:
                    with path.open("rb") as part:
                        shutil.copyfileobj(part, whole)
                whole.seek(0)
                try:
                    with tarfile.open(fileobj=whole, mode="r:") as archive:
                        archive.extractall(target, filter="data")
                except (tarfile.TarError, OSError) as error:
                    line = f"{folder / name}: its parts make no archive ({error}); copy them again"
                    raise UserError(line) from None
        yield Path(target)


def _archives(folder: Path) -> dict[str, list[Path]]:
    """The parts of every archive in a folder, by its name, in order."""
    found: dict[str, dict[int, Path]] = {}
    counts: dict[str, set[int]] = {}
    for path in folder.glob("*.part"):
        if match := _PART.fullmatch(path.name):
            found.setdefault(match["name"], {})[int(match["number"])] = path
            counts.setdefault(match["name"], set()).add(int(match["count"]))
    if not found:
        raise UserError(f"{folder}: no pack, expected files <group>.<i>-of-<n>.part; name the folder that has them")
    for name, parts in found.items():
        if len(counts[name]) > 1:
            raise UserError(f"{folder}: parts of several packs {name!r}; delete those of the older one")
        (count,) = counts[name]
        if lacking := sorted(set(range(1, count + 1)) - set(parts)):
            raise UserError(f"{folder}: pack {name!r} lacks part {lacking[0]} of {count}; copy it here, too")
    return {name: [parts[number] for number in sorted(parts)] for name, parts in found.items()}
