"""Which pictures a call is about, and where their results go: all refusals before anything is computed."""

from collections.abc import Iterable
from pathlib import Path

from redenoise.commands.denoise.methods import Method
from redenoise.commands.denoise.pictures import SUFFIXES, Facts, look
from redenoise.commands.refusals import Refusals, refused
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


def checked(
    found: dict[Path, Path], methods: list[Method], clean: Path | None, refusals: Refusals
) -> tuple[dict[Path, Facts], dict[Path, Path]]:
    """What every picture is, and the clean picture of each if there is a folder of these, by its path.

    Raises:
        UserError: a picture is refused that is not to be passed over: for what it is, for a method that is for colour,
            or for its clean picture.
    """
    facts, pairs = {}, {}
    color = next((method.name for method in methods if method.color), None)
    for name, source in found.items():
        with refusals.passed_over(), refused(source):
            own = look(source)
            if own.gray and color:
                line = f"gray, and {color} is for colour"
                raise UserError(f"{line}; take another method of `redenoise denoise --list`, or leave it out")
            if clean:
                pairs[source] = _counterpart(source, own, clean / name)
            facts[source] = own
    return facts, pairs


def check_free(targets: Iterable[Path], sources: Iterable[Path], overwrite: bool) -> None:
    """Raise `UserError` if a result would replace a picture that is read, or, without `overwrite`, any file."""
    taken = {path.resolve() for path in sources}
    for target in targets:
        if target.resolve() in taken:
            raise UserError(f"{target}: the result would replace a picture that is read; choose another --out")
        if target.exists() and not overwrite:
            raise UserError(f"{target}: there already; choose another --out, or replace results with --overwrite")


def _counterpart(source: Path, facts: Facts, path: Path) -> Path:
    """The clean picture of a picture; raises `UserError` if there is none, or one of another size or kind."""
    if not path.is_file():
        raise UserError(f"{path}: not found, expected its clean picture; put it there")
    other = look(path)
    if (other.shape, other.gray) != (facts.shape, facts.gray):
        raise UserError(f"{path}: {other.words}, but {source} is {facts.words}; give its clean picture")
    return path


def _in_folder(folder: Path, out: Path) -> dict[Path, Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    inside, whole = out.resolve(), folder.resolve()
    former = inside if inside.is_relative_to(whole) and inside != whole else None
    inner = {path.relative_to(folder): path for path in files if not former or former not in path.resolve().parents}
    return {name: path for name, path in inner.items() if not any(part[0] == "." for part in name.parts)}
