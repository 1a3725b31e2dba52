"""Make a folder of images a test set, or list the files of a store again.

    redenoise manifest holiday ~/pictures/holiday

writes workflow/manifests/holiday.csv (every image with its size and SHA-256), workflow/manifests/subsets/holiday.csv
(the members of the set, with the ids that key their noise) and an entry of workflow/manifests/stores.yaml, and prints
what to add to params.yaml. Commit all of it. The images stay where they are. On another machine they are looked for in
REDENOISE_MIRROR/holiday/, in data/holiday/ and in the folder named here.

    redenoise manifest --relist kodak /path/to/mirror/kodak

writes the committed list of a store again, from a folder that holds its files. That is for somebody who knows that the
folder holds the originals: from then on everything that is fetched is compared with that list.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.data.images import GRAY, SIXTEEN, kind_of, opened, require_known
from redenoise.sources import stores
from redenoise.sources.archive import members
from redenoise.sources.disk import IMAGE_SUFFIXES
from redenoise.sources.stores import FILE_COLUMNS, ITEM_COLUMNS, Store, manifest_path, stores_path, subset_path
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file, write_text
from redenoise.support.locks import exclusive
from redenoise.support.progress import progress

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")  # as the schema of params.yaml has it
TAKEN = {"released", "tasks", "imagenet", "voc", "torchvision"}  # folders of data/ and nodes that are something else
MIN_SIDE = 16  # pixels; SSIM has a window of 11
LICENCE = "that of the images' owner; not redistributed here"


@dataclass(frozen=True)
class Picture:
    """One image of somebody's folder: its path there, its id, and whether it is gray."""

    path: Path
    id: str
    gray: bool


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if the folder holds no such files, or the name is taken."""
    options = parser("manifest", __doc__, scale=False)
    options.add_argument("name", metavar="NAME", help="of the test set, or of a store of stores.yaml with --relist")
    options.add_argument("folder", type=Path, metavar="FOLDER", help="that holds its files; folders in it count too")
    options.add_argument("--title", help="how reports call the set (default: NAME)")
    options.add_argument("--licence", default=LICENCE, help="what its owner allows")
    options.add_argument("--relist", action="store_true", help="replace the list that is there")
    given = options.parse_args(arguments)
    with exclusive(paths.shared_lock("manifests"), "the manifests"):
        entry = stores.load_stores().get(given.name)
        if isinstance(entry, dict) and "folder" not in entry:
            _refuse_to_replace(given.name, given.relist)
            if "stores" in entry:
                raise UserError(f"{given.name} has files of {' and '.join(entry['stores'])}; list one of these again")
            count = rebuild(stores.load_store(given.name), given.folder)
            print(f"{manifest_path(given.name)}: {count} files")
        else:
            former = entry.get("title") if isinstance(entry, dict) else None
            print(add(given.name, given.folder, given.title or former or given.name, given.licence, given.relist))


def add(name: str, folder: Path, title: str, licence: str, relist: bool = False) -> str:
    """Make the images of a folder a test set; returns what to add to params.yaml.

    What it skipped, and that gray images are among colour ones, goes to stderr.

    Raises:
        UserError: the name is wrong or taken, a list of this name is there already, or an image will not do.
    """
    _check_name(name)
    if any(path.exists() for path in (manifest_path(name), subset_path(name))) or name in stores.load_stores():
        _refuse_to_replace(name, relist)
    found = pictures(folder)
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


def pictures(folder: Path) -> list[Picture]:
    """All images below a folder, sorted by path, decoded once to see that they are sound.

    Raises:
        UserError: there are none, one is damaged or of a kind that would not survive decoding to 8 bits, or two of them
            would bear one name.
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
    for path in progress(images, len(images), f"read {folder}", unit="image"):
        where = path.relative_to(folder).as_posix()
        if not where.isprintable() or "\\" in where:
            raise UserError(f"{folder}: {where!r}: expected a name of printable characters without \\; rename it")
        one = Picture(path, identity(path), is_gray(path))
        for taken in {f"id {one.id}", f"file name {path.name}"}:
            if taken in names:
                raise UserError(f"{path}: {taken} is that of {names[taken]} too; rename one of them")
            names[taken] = path
        found.append(one)
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


def lines(name: str, title: str, channels: int) -> str:
    """What params.yaml lacks for a test set: its entries, with the methods that are tested on sets of its kind."""
    params = read_yaml(PARAMS)
    others = [key for key in params["noisy"] if key != name]
    alike = [key for key in others if params["downloads"][key]["channels"] == channels]
    sigmas = params["noisy"][alike[0]]["sigmas"] if alike else [25, 50]
    why = f"as of {alike[0]}, the first set of its kind in params.yaml" if alike else "since there is none of its kind"
    download = {"title": title, "kind": "images", "store": name, "channels": channels, "role": "test"}
    trainings = [key for key, entry in params["downloads"].items() if entry.get("role") == "train"]
    pairs = {f"{name}-{train}": {"test": name, "train": train} for train in trainings}
    entries = {"downloads": {name: download}, "pairs": pairs, "noisy": {name: {"sigmas": sigmas}}}
    for section, fields in (("evaluations", ("family", "pair")), ("filters", ("filter",))):
        methods: dict[str, dict[str, Any]] = {}  # one entry of each: a set is measured by a method once
        for entry in params[section].values():
            if entry["dataset"] in alike and set(entry) == {"dataset", *fields, "method"}:
                own = {"dataset": name}
                if "pair" in entry:
                    own["pair"] = f"{name}-{params['families'][entry['family']]['data']}"
                methods.setdefault(entry["method"], {**entry, **own})
        entries[section] = {f"{name}-{entry[fields[0]]}": entry for entry in methods.values()}
    text: list[str] = []
    for section, wanted in entries.items():
        absent = [_entry(key, entry) for key, entry in wanted.items() if key not in params[section]]
        text += [f"{section}:", *absent] if absent else []
    if not text:
        return f"{PARAMS} has all entries of it already"
    text = [
        "add to params.yaml, each line to its section there; what it has already is not shown:",
        "",
        *text,
        "",
        "Leave out what you do not need. At the scale demo stand-ins take the place of images: take bench.",
        f"Levels of noise: {', '.join(map(str, sigmas))}, {why}; write others where you want them. A network",
        "of single levels is not measured at others. For each KEY of evaluations and filters that you have added, run",
        f"  snakemake --cores all --config scale=bench -- {paths.results('bench', 'KEY')}",
        "  redenoise report --scale bench      # puts averages into build/bench/report/averages.csv",
    ]
    return "\n".join(text)


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


def _entry(key: str, value: dict[str, Any]) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=True)
    return f"  {key}: {text.strip()}"
