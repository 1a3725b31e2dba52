"""One node of the stage: a folder with the files of a data set or of published weights, and their index."""

import os
import shutil
import sys
from pathlib import Path

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_index, write_unavailable
from redenoise.data.images import image_header
from redenoise.data.png import png_bytes
from redenoise.sources.provide import MIRROR_VARIABLE, provide
from redenoise.sources.stores import Item, Store, load_items, load_store
from redenoise.support.errors import Unavailable, UserError, full_disk_explained
from redenoise.support.files import renewed, sha256_bytes
from stages.download import embedded

INDEX_COLUMNS = ("id", "path", "height", "width", "split", "label", "sha256")
USUAL = {"L", "RGB", ""}  # kinds of pixels; the last is that of weights


def run(config: Config, key: str) -> None:
    """Make build/<scale>/data/<key>/ anew: the files, then index.csv.

    The index has one row per item in published order: id, path (relative to the folder), height and width in pixels
    (empty for weights), the source's split, label (empty: none of these sets has one), SHA-256 of the file. Where a
    file is anything else than 8-bit gray or RGB, the last column is the mode of every file, see `images.kind_of`.
    Where no source can deliver and `unavailable` is "skip", the index has no rows and unavailable.txt says why.

    Raises:
        Unavailable: no source can deliver, `unavailable` is "fail", and the files are public.
        UserError: a manifest or a source's file is wrong, or the disk is full. The former folder then stays.
    """
    entry = config.entry("download", key)
    folder = paths.data(config.scale, key)
    with (
        provenance.recorded(config, "download", key) as record,
        renewed(folder) as new,
    ):
        if uses_store(config, key):
            rows = _stored(config, key, new)
        elif entry["kind"] == "images":
            rows = _embedded(config, key, new)
        else:
            rows = []  # Weights that this scale trains itself.
        record["items"] = len(rows)
        columns = INDEX_COLUMNS if {row[-1] for row in rows} <= USUAL else (*INDEX_COLUMNS, "mode")
        write_index(new, columns, (dict(zip(columns, row, strict=False)) for row in rows))
    print(f"download {key}: {len(rows)} files in {folder}", file=sys.stderr, flush=True)


def uses_store(config: Config, key: str) -> bool:
    """Whether a node takes real files from its store at this scale.

    Images of a package are there at every scale, and its weights, which no other entry trains, where data are real.
    """
    entry, settings = config.entry("download", key), config.settings
    package = bool(load_store(entry["store"]).package)
    if entry["kind"] == "images":
        return settings["real_data"] or package
    return settings["published_weights"] or package and settings["real_data"]


def _stored(config: Config, key: str, folder: Path) -> list[tuple]:
    entry = config.entry("download", key)
    store = load_store(entry["store"])
    try:
        items = load_items(key, store)
        provide(store, [item.file for item in items])
    except Unavailable as error:
        if config.params["unavailable"] != "skip" and not store.by_hand:
            raise
        print(f"warning: download {key}: skipped: {error}", file=sys.stderr, flush=True)
        write_unavailable(folder, f"{store.title}: {store.by_hand}" if store.by_hand else _reason(store))
        return []
    return [_place(item, folder, entry["kind"] == "images") for item in items]


def _reason(store: Store) -> str:
    """Why a store's files are not there, in words that do not change from run to run: reports repeat them."""
    return f"{store.title}: not in {MIRROR_VARIABLE} and not to be had from {store.origin}"


def _place(item: Item, folder: Path, image: bool) -> tuple:
    """Put an item's file into the node's folder, as a hard link where the file system allows it; returns its row."""
    path = folder / item.name
    with full_disk_explained(path):
        try:
            os.link(item.file.target, path)
        except OSError:  # Another disk, or a file system without links.
            shutil.copyfile(item.file.target, path)
    try:
        height, width, kind = image_header(path) if image else ("", "", "")
    except UserError as error:
        raise UserError(str(error).replace(str(path), str(item.file.target))) from None
    return item.id, path.name, height, width, item.split, "", item.file.sha256, kind


def _embedded(config: Config, key: str, folder: Path) -> list[tuple]:
    entry = config.entry("download", key)
    settings = config.settings["images"]
    count, size = settings[entry["role"]], settings["size"]
    rows = []
    for name, image in embedded.images(key, entry["role"], count, size, entry["channels"]):
        data = png_bytes(image)
        with full_disk_explained(folder):
            (folder / f"{name}.png").write_bytes(data)
        kind = "L" if image.ndim == 2 else "RGB"
        rows.append((name, f"{name}.png", *image.shape[:2], entry["role"], "", sha256_bytes(data), kind))
    return rows
