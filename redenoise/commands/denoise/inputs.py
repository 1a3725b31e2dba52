"""Which pictures a call is about, and where their results go: all refusals before anything is computed."""

from collections.abc import Iterable
from pathlib import Path

from redenoise.commands.denoise.pictures import SUFFIXES, Facts, look
from redenoise.support.errors import UserError


def pictures(given: list[Path], out: Path) -> dict[Path, Path]:
    """The pictures of files and folders by the names of their results, relative to the folder of these.

    A file keeps its name; what lies in a folder, at any depth, keeps its path in there. Hidden files, files of other
    kinds, and former results below `out` do not count.

    Raises:
        UserError: a path leads nowhere, a folder holds no picture, or two pictures bear one name.
    """
    found: dict[Path, Path] = {}
    for path in given:
        named = _in_folder(path, out) if path.is_dir() else {Path(path.name): path}
        if not named:
            raise UserError(f"{path}: no pictures, expected files that end in {', '.join(sorted(SUFFIXES))}")
        for name, source in named.items():
            if name in found:
                raise UserError(f"{source}: its result would bear the name of that of {found[name]}; rename one")
            found[name] = source
    return found


def checked(found: dict[Path, Path]) -> dict[Path, Facts]:
    """What every picture is, by its path; raises `UserError` for the first that is refused."""
    return {source: look(source) for source in found.values()}


def counterparts(found: dict[Path, Path], facts: dict[Path, Facts], clean: Path) -> dict[Path, Path]:
    """The clean picture of every picture: the one of its result's name in a folder.

    Raises:
        UserError: there is none, or one of another size or kind.
    """
    pairs = {}
    for name, source in found.items():
        pairs[source] = path = clean / name
        if not path.is_file():
            raise UserError(f"{path}: not found, expected the clean picture of {source}; put it there")
        other = look(path)
        if (other.shape, other.gray) != (facts[source].shape, facts[source].gray):
            raise UserError(f"{path}: {other.words}, but {source} is {facts[source].words}; give its clean picture")
    return pairs


def check_free(targets: Iterable[Path], sources: Iterable[Path], overwrite: bool) -> None:
    """Raise `UserError` if a result would replace a picture that is read, or, without `overwrite`, any file."""
    taken = {path.resolve() for path in sources}
    for target in targets:
        if target.resolve() in taken:
            raise UserError(f"{target}: the result would replace a picture that is read; choose another --out")
        if target.exists() and not overwrite:
            raise UserError(f"{target}: there already; choose another --out, or replace results with --overwrite")


def _in_folder(folder: Path, out: Path) -> dict[Path, Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    inside, whole = out.resolve(), folder.resolve()
    former = inside if inside.is_relative_to(whole) and inside != whole else None
    inner = {path.relative_to(folder): path for path in files if not former or former not in path.resolve().parents}
    return {name: path for name, path in inner.items() if not any(part[0] == "." for part in name.parts)}
