"""The code that can change what a stage writes: its own, what that imports, and the models that entries name.

Imports are followed as text, those inside functions too. Left out is what no number depends on: `support`; `dag`, which
says what runs and with which parameters, and records them; `sources`, whose files arrive with their committed hash or
not at all; and the commands around the DAG.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from redenoise.support.files import sha256_file, write_json

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("stages", "redenoise")
CODE = "code.json"
LEFT_OUT = ("redenoise.support", "redenoise.dag", "redenoise.sources", "redenoise.commands")


@cache
def determining(files: tuple[str, ...]) -> tuple[str, ...]:
    """Files of the project that some files consist of or import, directly or not, sorted.

    Args:
        files: relative to the root of the project; a folder stands for the files in it.
    """
    found: set[Path] = set()
    waiting = [path for name in files for path in _expanded(ROOT / name)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported(path) if path.suffix == ".py" else []
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in found if not _says_nothing(path)))


def _says_nothing(path: Path) -> bool:
    """Whether a file is that of a package and holds at most a docstring."""
    return path.name == "__init__.py" and all(isinstance(node, ast.Expr) for node in ast.parse(path.read_bytes()).body)


def code_files(file: Path) -> list[Path]:
    """The files that a file of the project consists of: itself, and what it imports."""
    return [ROOT / name for name in determining((file.relative_to(ROOT).as_posix(),))]


def note_code(folder: Path, file: Path) -> None:
    """Write `code.json` into a folder of weights: the SHA-256 of the file of their network and of what it imports.

    What measures a network follows its code through this file and need not know which network it is.
    """
    write_json(folder / CODE, {path.relative_to(ROOT).as_posix(): sha256_file(path) for path in code_files(file)})


@cache
def imported(path: Path) -> tuple[Path, ...]:
    """Files of the project's modules that one of them imports, with their packages; those of `LEFT_OUT` left out."""
    names = {name for node in ast.walk(ast.parse(path.read_bytes())) for name in _names(node)}
    around = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 2)}
    return tuple(filter(None, map(_file, sorted(around))))


def _names(node: ast.AST) -> Iterable[str]:
    """Dotted names that a node imports; of `from a import b` both `a` and `a.b`, which may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _file(name: str) -> Path | None:
    """The file of a module of the project that counts, None for any other name."""
    if name.split(".")[0] not in PACKAGES or name.startswith(LEFT_OUT):
        return None
    path = ROOT / name.replace(".", "/")
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _expanded(path: Path) -> Iterator[Path]:
    """A file, or the files below a folder; caches, hidden files and README.md left out."""
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.name[0] != "." and file.name != "README.md":
                yield file
    else:
        yield path
