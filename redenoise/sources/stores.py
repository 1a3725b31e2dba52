"""The committed manifests: which files a store holds, and which of them make up a data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from redenoise.dag import paths
from redenoise.support import csv_tables
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.yaml_files import read_yaml

# No file of a manifest is near this; a larger figure is a slip of the pen that would let a source fill the disk.
MAX_FILE_BYTES = 1 << 30
FILE_COLUMNS = ("path", "bytes", "sha256")
ITEM_COLUMNS = ("id", "path", "split")
AGAIN = "correct the list, write it again, or correct the entry in params.yaml"
PLACES: dict[str, type] = {"folder": str, "package": str, "by_hand": str, "stores": list}  # in place of an address
_STORE_KEYS = {"title": str, "licence": str}
_ARCHIVE_KEYS = {"archive": str, "packed_max": int, "unpacked_max": int}
# Ids become file names of later stages.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Store:
    """One source of files, as workflow/manifests/stores.yaml describes it.

    Attributes:
        name: also the name of its folder in data/ and in a mirror.
        title, licence: what it is, and what its authors allow.
        url: origin of each file with `{path}` for the path below the store's folder, or of the archive; empty where
            one of the next three says where the files are.
        folder: of a local store: where its files were when they were listed.
        package: of a store inside an installed Python package: the package and the folder in it.
        by_hand: of files that are not public: what to put where. They stop nothing while they are not there.
        stores: of a selection: names of the stores that its files are of, and come from.
        archive: path in a mirror of the .tar.gz that holds the files; None where the files are served one by one.
        packed_max, unpacked_max: bounds of that archive in bytes.
    """

    name: str
    title: str
    licence: str
    url: str = ""
    folder: str = ""
    package: str = ""
    by_hand: str = ""
    stores: Sequence[str] = ()
    archive: str | None = None
    packed_max: int = 0
    unpacked_max: int = 0

    def inner(self, path: str) -> str:
        """A path of the manifest without the store's folder: as the origin or the archive names the file."""
        return path.removeprefix(f"{self.name}/")

    @property
    def origin(self) -> str:
        """Where its files come from, in words for people."""
        if self.package:
            return f"the installed package {self.package.partition('/')[0]}"
        if self.stores:
            return f"the stores {' and '.join(self.stores)}"
        return self.url or (f"the folder {self.folder}" if self.folder else "anywhere")

    @property
    def nearby(self) -> Path | None:
        """The folder on this machine that holds its files by their inner paths, None for a store without one."""
        if self.package:
            name, _, inside = self.package.partition("/")
            found = find_spec(name)
            return Path(found.origin or "").parent / inside if found else None
        return Path(self.folder) if self.folder else None

    def file_url(self, path: str) -> str:
        """Origin of one file of the manifest."""
        return self.url.replace("{path}", quote(self.inner(path), safe="/="))


@dataclass(frozen=True)
class StoreFile:
    """One line of a manifest: path relative to data/ and to a mirror, size in bytes, SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str

    @property
    def target(self) -> Path:
        """Where the verified file lives."""
        return paths.STORE / self.path


@dataclass(frozen=True)
class Item:
    """One member of a data set or set of weights.

    Attributes:
        id: as published.
        file: of the store.
        split: the source's own, "" if none.
        name: of the file in the folder that the stage makes; a second one of a name has its id before it.
    """

    id: str
    file: StoreFile
    split: str
    name: str


def manifest_path(store: str) -> Path:
    """The committed list of a store's files."""
    return paths.MANIFESTS / f"{store}.csv"


def subset_path(key: str) -> Path:
    """The committed list of the members of one entry of `downloads`."""
    return paths.MANIFESTS / "subsets" / f"{key}.csv"


def stores_path() -> Path:
    """The committed description of all stores."""
    return paths.MANIFESTS / "stores.yaml"


def load_stores() -> dict[str, Any]:
    """All of stores.yaml, unchecked but for being YAML; raises `UserError` if it is missing or is not."""
    stores = read_yaml(stores_path())
    return stores if isinstance(stores, dict) else {}


def load_store(name: str) -> Store:
    """One entry of stores.yaml; raises `UserError` for an unknown store or a missing, unknown or wrong key."""
    path, stores = stores_path(), load_stores()
    if not isinstance(stores.get(name), dict):
        known = ", ".join(stores) or "none"
        raise UserError(f"{path}: no store {name!r}; it has {known}; add it or correct `store` in params.yaml")
    entry: dict[str, Any] = stores[name]
    where = next((kind for kind in PLACES if kind in entry), "url")
    keys = _STORE_KEYS | {where: PLACES.get(where, str)} | (_ARCHIVE_KEYS if "archive" in entry else {})
    for key in keys.keys() | entry.keys():
        if key not in keys or not isinstance(entry.get(key), keys[key]):
            found = repr(entry[key]) if key in entry else "nothing"
            expected = keys[key].__name__ if key in keys else f"one of {', '.join(keys)}"
            raise UserError(f"{path}: {name}.{key} is {found}, expected {expected}; correct the entry")
    if place := next((kind for kind in PLACES if kind in entry), None):
        if not entry[place] or "archive" in entry:
            raise UserError(f"{path}: {name}: expected `{place}` to say something, and no archive; correct the entry")
        if unknown := [part for part in entry.get("stores", ()) if part not in stores]:
            raise UserError(f"{path}: {name}.stores names {unknown[0]!r}, which is no store; correct it")
        if place == "folder" and Path(entry[place]).is_absolute():
            found = f"{path}: {name}.folder is {entry[place]!r}, which is so on one machine alone"
            raise UserError(
                f"{found}; give it from the root of the project, or put its files into {paths.STORE / name}/"
            )
        return Store(name, **entry)
    if urlsplit(entry["url"]).scheme not in ("http", "https"):
        raise UserError(f"{path}: {name}.url is {entry['url']!r}, expected an http or https address; correct it")
    if ("archive" in entry) == ("{path}" in entry["url"]):
        raise UserError(f"{path}: {name}.url must have {{path}} exactly where there is no `archive`; correct it")
    if "archive" in entry:
        _check_path(entry["archive"], [name], f"{path}: {name}.archive")
    return Store(name, **entry)


def load_manifest(store: str) -> dict[str, StoreFile]:
    """The files of a store by path; raises `UserError` with the line of what is wrong."""
    files: dict[str, StoreFile] = {}
    found = load_stores().get(store)
    parts = found.get("stores", [store]) if isinstance(found, dict) else [store]
    for place, row in csv_tables.numbered(manifest_path(store), FILE_COLUMNS, AGAIN):
        _check_path(row["path"], parts, place)
        if row["path"] in files:
            raise UserError(f"{place}: {row['path']!r} is listed twice; remove one line")
        if not row["bytes"].isdecimal() or not 0 < int(row["bytes"]) <= MAX_FILE_BYTES:
            raise UserError(f"{place}: bytes is {row['bytes']!r}, expected 1 to {MAX_FILE_BYTES}; correct the line")
        if not _SHA256.fullmatch(row["sha256"]):
            raise UserError(f"{place}: sha256 is {row['sha256']!r}, expected 64 lower-case hexadecimal digits")
        files[row["path"]] = StoreFile(row["path"], int(row["bytes"]), row["sha256"])
    return files


def load_items(key: str, store: Store) -> list[Item]:
    """The members of one entry of `downloads` in published order; raises `UserError` with the line of what is wrong.

    Ids are unique within an entry; they name files of later stages.

    Raises:
        Unavailable: the store's files are put there by hand, and nobody has listed them yet.
    """
    files = load_manifest(store.name)
    if store.by_hand and not files:
        raise Unavailable(store.by_hand)
    items: list[Item] = []
    seen: set[str] = set()
    for place, row in csv_tables.numbered(subset_path(key), ITEM_COLUMNS, AGAIN):
        if row["path"] not in files:
            raise UserError(f"{place}: {row['path']!r} is not in {manifest_path(store.name)}; correct the path")
        if not _ID.fullmatch(row["id"]):
            raise UserError(f"{place}: id {row['id']!r} has characters other than letters, digits and ._=-; rename it")
        name = PurePosixPath(row["path"]).name
        if f"file name {name}" in seen:
            name = f"{row['id']}-{name}"
        names = {f"id {row['id']}", f"file name {name}"}
        if clash := sorted(names & seen):
            raise UserError(f"{place}: {clash[0]} stands in an earlier line too; each must be unique")
        seen |= names
        items.append(Item(row["id"], files[row["path"]], row["split"], name))
    return items


def _check_path(path: str, stores: Sequence[str], place: str) -> None:
    """Refuse a path that is not plainly below the folder of one of some stores."""
    parts = path.split("/")
    if parts[0] not in stores or len(parts) < 2 or any(part in ("", ".", "..") for part in parts) or "\\" in path:
        raise UserError(f"{place}: path {path!r} is not a plain path below {'/ or '.join(stores)}/; correct it")
