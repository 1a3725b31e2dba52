"""Make a folder of images a test set, or list the files of a store again.

    redenoise manifest holiday ~/pictures/holiday

writes workflow/manifests/holiday.csv (every image with its size and SHA-256), workflow/manifests/subsets/holiday.csv
(the members of the set, with the ids that key their noise) and an entry of workflow/manifests/stores.yaml, and prints
what to add to params.yaml. Commit all of it. The images stay where they are. On another machine they are looked for in
REDENOISE_MIRROR/holiday/, in data/holiday/ and in the folder named here.

    redenoise manifest --relist kodak /path/to/mirror/kodak

writes the committed list of a store again, from a folder that holds its files. That is for somebody who knows that the
folder holds the originals: from then on everything that is fetched is compared with that list.

    redenoise manifest --remove holiday

takes a test set that was made of a folder out again: its lists, its entry of stores.yaml and all entries of params.yaml
that are about it alone. The images stay where they are.
"""

import argparse
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from redenoise.commands.manifest.entries import lines
from redenoise.commands.manifest.pictures import pictures
from redenoise.commands.manifest.removal import remove
from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.sources import stores
from redenoise.sources.archive import members
from redenoise.sources.disk import IMAGE_SUFFIXES
from redenoise.sources.stores import FILE_COLUMNS, ITEM_COLUMNS, Store, manifest_path, stores_path, subset_path
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file, write_text
from redenoise.support.locks import exclusive

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")  # as the schema of params.yaml has it
TAKEN = {"released", "tasks", "imagenet", "voc", "torchvision"}  # folders of data/ and nodes that are something else
LICENCE = "that of the images' owner; not redistributed here"


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if the folder holds no such files, or the name is taken or not that of a set."""
    options = parser("manifest", __doc__, scale=False)
    named = "of the test set, or of a store of stores.yaml with --relist"
    options.add_argument("name", nargs="?", metavar="NAME", help=named)
    inside = "that holds its files; folders in it count too"
    options.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=inside)
    options.add_argument("--title", help="how reports call the set (default: NAME)")
    options.add_argument("--licence", default=LICENCE, help="what its owner allows")
    options.add_argument("--skip", action="store_true", help="name images that are refused, and take the others")
    options.add_argument("--relist", action="store_true", help="replace the list that is there")
    options.add_argument("--remove", metavar="NAME", help="take a test set out again; alone")
    given = options.parse_args(arguments)
    if given.remove is not None and (given.name or given.relist):
        raise UserError("redenoise manifest: --remove stands alone with one NAME; leave the rest out")
    if given.remove is None and given.folder is None:
        raise UserError("redenoise manifest: no NAME and FOLDER; give both, --help shows how")
    with exclusive(paths.shared_lock("manifests"), "the manifests"):
        print(remove(given.remove) if given.remove is not None else listed(given))


def listed(given: argparse.Namespace) -> str:
    """Do what a command line asks for that names a folder; returns what to say about it."""
    entry = stores.load_stores().get(given.name)
    if not isinstance(entry, dict) or "folder" in entry:
        former = entry.get("title") if isinstance(entry, dict) else None
        title = given.title or former or given.name
        return add(given.name, given.folder, title, given.licence, given.relist, given.skip)
    _refuse_to_replace(given.name, given.relist)
    if "stores" in entry:
        raise UserError(f"{given.name} has files of {' and '.join(entry['stores'])}; list one of these again")
    return f"{manifest_path(given.name)}: {rebuild(stores.load_store(given.name), given.folder)} files"


def add(name: str, folder: Path, title: str, licence: str, relist: bool = False, skip: bool = False) -> str:
    """Make the images of a folder a test set; returns what to add to params.yaml.

    What it skipped, and that gray images are among colour ones, goes to stderr.

    Raises:
        UserError: the name is wrong or taken, a list of this name is there already, or an image will not do.
    """
    _check_name(name)
    if any(path.exists() for path in (manifest_path(name), subset_path(name))) or name in stores.load_stores():
        _refuse_to_replace(name, relist)
    found = pictures(folder, skip)
    listed = [(f"{name}/{one.path.relative_to(folder).as_posix()}", one) for one in found]
    write_text(manifest_path(name), csv_tables.text(FILE_COLUMNS, ((path, *_facts(one.path)) for path, one in listed)))
    write_text(subset_path(name), csv_tables.text(ITEM_COLUMNS, ((one.id, path, "test") for path, one in listed)))
    # Last: a list without its entry is what a kill leaves behind, and no more than a file too many.
    _describe(name, {"title": title, "licence": licence, "folder": _named(folder)})
    stores.load_items(name, stores.load_store(name))  # what was written is what will be read
    gray = [one.path for one in found if one.gray]
    channels = 1 if len(gray) == len(found) else 3
    if gray and channels == 3:
        line = f"{len(gray)} of {len(found)} images are gray (first {gray[0]}) among colour ones"
        print(f"{line}: the set has `channels: 3`", file=sys.stderr)
    return f"{manifest_path(name)}: {len(found)} images\n{lines(name, title, channels)}"


def rebuild(store: Store, folder: Path) -> int:
    """Write a store's manifest again, sorted by path; returns the number of files.

    A store of plain files lists all of them but hidden ones; a store with an archive lists the images inside.

    Raises:
        UserError: there are no files, or the archive is damaged.
    """
    rows = sorted(_archived(store, folder) if store.archive else _plain(store, folder))
    if not rows:
        todo = store.by_hand or "correct the path"
        raise UserError(f"{folder}: no files, expected those of store {store.name!r}; {todo}")
    write_text(manifest_path(store.name), csv_tables.text(FILE_COLUMNS, rows))
    return len(rows)


def _plain(store: Store, folder: Path) -> Iterator[tuple[str, int, str]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield f"{store.name}/{path.relative_to(folder).as_posix()}", *_facts(path)


def _archived(store: Store, folder: Path) -> Iterator[tuple[str, int, str]]:
    archive = folder / store.inner(store.archive or "")
    if not archive.is_file():
        raise UserError(f"{archive}: not found, expected the archive of store {store.name!r}; correct the path")
    for member, stream in members(archive, store.unpacked_max, str(archive)):
        path = Path(member.name)
        if stream is not None and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            data = stream.read()
            yield f"{store.name}/{path.as_posix()}", len(data), hashlib.sha256(data).hexdigest()


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or yaml.safe_load(name) != name:
        raise UserError(
            f"{name!r}: expected a name of lower-case letters, digits, - and _ that starts with a letter; choose one"
        )
    entry = read_yaml(PARAMS)["downloads"].get(name)
    if name in TAKEN or (entry and entry["store"] != name):
        what = f"an entry of downloads with files of store {entry['store']}" if entry else "the name of something else"
        raise UserError(f"{name!r} is {what}; choose another name")


def _refuse_to_replace(name: str, relist: bool) -> None:
    if not relist:
        line = f"{manifest_path(name)}: the list of {name!r} is there already"
        raise UserError(f"{line}; choose another name, or replace it with --relist")


def _facts(path: Path) -> tuple[int, str]:
    return path.stat().st_size, sha256_file(path)


def _named(folder: Path) -> str:
    """A folder as stores.yaml names it: from the root of the project."""
    return Path(os.path.relpath(folder.resolve())).as_posix()


def _describe(name: str, entry: dict[str, str]) -> None:
    """Add a store to stores.yaml, or change the folder of the one that is there; all other text stays as it is."""
    path = stores_path()
    text = path.read_text(encoding="utf-8")
    if name not in stores.load_stores():
        write_text(path, f"{text.rstrip()}\n\n{_yaml({name: entry})}")
        return
    block = re.compile(rf"(?ms)^(?P<before>['\"]?{re.escape(name)}['\"]?:\s*?\n(?:[ #][^\n]*\n)*?  )folder:[^\n]*$")
    changed, count = block.subn(lambda match: match["before"] + _yaml({"folder": entry["folder"]}).rstrip(), text)
    if count != 1:
        raise UserError(f"{path}: the folder of {name} was not found; write it there by hand: {entry['folder']}")
    write_text(path, changed)


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
