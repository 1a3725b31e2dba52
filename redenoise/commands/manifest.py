"""Rebuild the manifest of a store from a folder laid out like a mirror.

    redenoise manifest kodak /path/to/mirror

Only for a person who has checked by other means that the folder holds the originals: from then on, every download is
compared with what was written here.
"""

import argparse
import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from redenoise.sources.archive import members
from redenoise.sources.disk import IMAGE_SUFFIXES
from redenoise.sources.stores import FILE_COLUMNS, Store, load_store, manifest_path
from redenoise.support.errors import UserError, run_cli
from redenoise.support.files import sha256_file, write_text


def main() -> None:
    """Write workflow/manifests/<store>.csv for each store that is named."""
    parser = argparse.ArgumentParser(prog="redenoise manifest", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("store", nargs="+", help="name in workflow/manifests/stores.yaml")
    parser.add_argument("mirror", type=Path, help="folder that has a folder <store>/")
    arguments = parser.parse_args()
    for name in arguments.store:
        count = rebuild(load_store(name), arguments.mirror)
        print(f"{manifest_path(name)}: {count} files")


def rebuild(store: Store, mirror: Path) -> int:
    """Write a store's manifest, sorted by path; returns the number of files.

    A store of plain files lists all of them but hidden ones; a store with an archive lists the images inside.

    Raises:
        UserError: there are no files, or the archive is damaged.
    """
    rows = sorted(_archived(store, mirror) if store.archive else _plain(store, mirror))
    if not rows:
        raise UserError(f"{mirror / store.name}: no files, expected a mirror of store {store.name!r}; correct the path")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FILE_COLUMNS)
    writer.writerows(rows)
    write_text(manifest_path(store.name), text.getvalue())
    return len(rows)


def _plain(store: Store, mirror: Path) -> Iterator[tuple[str, int, str]]:
    for path in (mirror / store.name).rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(mirror).as_posix(), path.stat().st_size, sha256_file(path)


def _archived(store: Store, mirror: Path) -> Iterator[tuple[str, int, str]]:
    archive = mirror / store.archive
    if not archive.is_file():
        raise UserError(f"{archive}: not found, expected the archive of store {store.name!r}; correct the path")
    for member, stream in members(archive, store.unpacked_max, str(archive)):
        path = Path(member.name)
        if stream is not None and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            data = stream.read()
            yield f"{store.name}/{path.as_posix()}", len(data), hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    run_cli(main)
