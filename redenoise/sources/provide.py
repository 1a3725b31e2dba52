"""Getting the files of a store into data/: what is there already, the local mirror, the origin."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from redenoise.dag import paths
from redenoise.sources.archive import extract
from redenoise.sources.disk import check_room, problem, write_checked
from redenoise.sources.fetch import download, fetched, part_path
from redenoise.sources.stores import Store, StoreFile, load_manifest, load_store, stores_path
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.locks import exclusive
from redenoise.support.progress import progress

MIRROR_VARIABLE = "REDENOISE_MIRROR"
WORKERS = 6  # files at once: enough to hide latency, few enough to be a polite guest


def mirror() -> Path | None:
    """The local mirror that the environment names, None if it names none; `UserError` if it is not a folder."""
    value = os.environ.get(MIRROR_VARIABLE)
    if not value:
        return None
    if not Path(value).is_dir():
        raise UserError(f"{MIRROR_VARIABLE} is {value!r}, which is no folder; expected a mirror; correct or unset it")
    return Path(value)


def provide(store: Store, files: list[StoreFile]) -> int:
    """See to it that every one of `files` is in data/ and verified; returns how many had to be fetched.

    One process at a time works on a store, so that two jobs that need it do not fetch the same files twice.

    Raises:
        Unavailable: neither the mirror nor the origin could deliver a file, or a local store's folder lacks it.
        UserError: a source's file differs from the manifest, the disk is full, or the mirror is not a folder.
    """
    if store.stores:
        return sum(provide(part, own) for part, own in _parts(store, files))
    with exclusive(paths.shared_lock(store.name), f"store {store.name}"):
        wanted = _unverified(files)
        if wanted and store.archive:
            # One pass over the archive serves every data set of the store.
            wanted = _unverified(list(load_manifest(store.name).values()))
            _from_archive(store, wanted, mirror())
        elif wanted:
            _from_files(store, wanted, mirror())
        return len(wanted)


def _parts(store: Store, files: list[StoreFile]) -> Iterator[tuple[Store, list[StoreFile]]]:
    """The stores that a selection's files are of, each with its own of some files."""
    for name in store.stores:
        yield load_store(name), [file for file in files if file.path.startswith(f"{name}/")]


def found_nearby(store: Store, files: list[StoreFile]) -> bool:
    """Whether every one of `files` is in data/, or can be read without asking the network."""
    root = mirror()
    return all(file.target.is_file() or _nearby(store, file, root) for file in files)


def source_of(store: Store, files: list[StoreFile]) -> str:
    """Where `provide` would fetch files from: the mirror, the origin or both, and what a mirror lacks."""
    root = mirror()
    if store.stores:
        return "; ".join(f"{part.name}: {source_of(part, own)}" for part, own in _parts(store, files) if own)
    if store.by_hand:
        return f"by hand: {store.by_hand}"
    if store.folder or store.package:
        absent = [file.path for file in files if _nearby(store, file, root) is None]
        return f"{store.origin}, or the mirror" if not absent else f"nowhere ({absent[0]} is not in {store.origin})"
    if root is None:
        return "origin"
    wanted = [store.archive] if store.archive else [file.path for file in files]
    absent = [path for path in wanted if not (root / path).is_file()]
    if not absent:
        return "the mirror, which has all of them"
    what = absent[0] if len(absent) == 1 else f"{len(absent)} files"
    return f"{'origin' if absent == wanted else 'mirror, origin'} ({what} not in mirror {root})"


def _unverified(files: list[StoreFile]) -> list[StoreFile]:
    """Those of `files` that are not in place and sound; one that is damaged is named."""
    wanted = []
    for file in files:
        found = problem(file.target, file)
        if found is not None:
            wanted.append(file)
            if found != "missing":
                print(f"{file.target}: {found}; fetching it again", file=sys.stderr, flush=True)
    return wanted


def _from_files(store: Store, files: list[StoreFile], root: Path | None) -> None:
    check_room(paths.STORE, sum(file.bytes for file in files))

    def get(file: StoreFile, stop: threading.Event) -> None:
        source = _nearby(store, file, root)
        if source is not None:
            with source.open("rb") as stream:
                write_checked(stream, str(source), file)
        elif store.folder:
            todo = f"put the folder's files into {paths.STORE / store.name}/, or correct `folder` in {stores_path()}"
            with _mirror_named(file.path, root):
                raise Unavailable(f"{Path(store.folder) / store.inner(file.path)}: not found; {todo}")
        elif store.package:
            raise Unavailable(f"{store.inner(file.path)}: not in {store.origin}; install the locked version of it")
        elif store.by_hand:
            raise Unavailable(store.by_hand)
        else:
            with _mirror_named(file.path, root):
                url = store.file_url(file.path)
                part = fetched(url, file.target, file.bytes, partial(problem, file=file), stop, size=file.bytes)
                os.replace(part, file.target)

    _in_parallel(get, files, f"download {store.name}")


def _nearby(store: Store, file: StoreFile, root: Path | None) -> Path | None:
    """Where a file can be read without asking the network: in the mirror, or where a store has its files nearby."""
    places = [root / file.path] if root else []
    places += [store.nearby / store.inner(file.path)] if store.nearby else []
    return next((place for place in places if place.is_file()), None)


@contextmanager
def _mirror_named(path: str, root: Path | None) -> Iterator[None]:
    """Let the error of a fetch that fails inside the block say that the mirror, if there is one, lacks the file too."""
    try:
        yield
    except Unavailable as error:
        if root is None:
            raise
        raise Unavailable(f"{path} is not in mirror {root}, and {error}") from None


def _in_parallel(work: Callable[[StoreFile, threading.Event], None], files: list[StoreFile], what: str) -> None:
    """Run `work` for every file, several at once; the first failure ends the others soon and is raised."""
    stop = threading.Event()
    with ThreadPoolExecutor(min(WORKERS, len(files))) as pool:
        futures = [pool.submit(work, file, stop) for file in files]
        try:
            for future in progress(as_completed(futures), len(futures), what, unit="file"):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _from_archive(store: Store, files: list[StoreFile], root: Path | None) -> None:
    assert store.archive and store.url, "a store of one archive says where it is"
    unpacked = sum(file.bytes for file in files)
    local = root / store.archive if root else None
    if local is not None and local.is_file():
        check_room(paths.STORE, unpacked)
        _unpack(local, store, files, str(local))
        return
    check_room(paths.STORE, unpacked + store.packed_max)
    print(f"{store.url}: fetching the archive", file=sys.stderr, flush=True)
    archive = part_path(paths.STORE / store.archive)
    with _mirror_named(store.archive, root):
        download(store.url, archive, store.packed_max, threading.Event())
    try:
        _unpack(archive, store, files, store.url)
    except UserError:
        archive.unlink()  # Not the archive that the manifest describes, or the disk is full.
        raise
    archive.unlink()  # After an interrupt it stays, and the next run need not fetch it again.


def _unpack(archive: Path, store: Store, files: list[StoreFile], name: str) -> None:
    for _ in progress(extract(archive, store, files, name), len(files), f"unpack {store.name}", unit="file"):
        pass
