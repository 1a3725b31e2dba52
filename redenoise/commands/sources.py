"""Which files of the data sets are here and verified, still to be fetched or damaged, and where from.

Fetches and writes nothing.
"""

from tabulate import tabulate

from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import INDEX, read_index
from redenoise.sources.disk import problem
from redenoise.sources.provide import MIRROR_VARIABLE, mirror, source_of
from redenoise.sources.stores import load_items, load_store
from redenoise.support.errors import Unavailable
from redenoise.support.files import sha256_file
from stages.download.node import uses_store

HEADERS = ("key", "kind", "files", "size", "verified", "to fetch", "damaged", "from")
ALIGNMENT = ("left", "left", *["right"] * 5, "left")


def table(config: Config, keys: list[str]) -> str:
    """A table of the given entries: their files, how many of them are in place and verified, where the rest is from.

    Nothing is fetched or written. Raises `UserError` for a wrong manifest.
    """
    rows = [_row(config, key) for key in keys]
    text = tabulate(rows, HEADERS, tablefmt="simple", disable_numparse=True, colalign=ALIGNMENT)
    return f"scale {config.scale}, {MIRROR_VARIABLE} {mirror() or 'not set'}\n\n{text}"


def _row(config: Config, key: str) -> tuple[str, ...]:
    entry = config.entry("download", key)
    if uses_store(config, key):
        return _stored_row(key, entry)
    if entry["kind"] == "images":
        return _embedded_row(config, key, entry)
    return key, entry["kind"], "0", "-", "-", "-", "-", "not used at this scale"


def _stored_row(key: str, entry: dict) -> tuple[str, ...]:
    store = load_store(entry["store"])
    try:
        files = [item.file for item in load_items(key, store)]
    except Unavailable as error:
        return key, entry["kind"], *_counts(0, "-", 0, 0), f"by hand: {error}"
    found = {file: problem(file.target, file) for file in files}
    absent = [file for file in files if found[file] == "missing"]
    damaged = [file for file in files if found[file] not in (None, "missing")]
    wanted = absent + damaged
    source = source_of(store, wanted) if wanted else "in place"
    size = _megabytes(sum(file.bytes for file in files))
    return key, entry["kind"], *_counts(len(files), size, len(absent), len(damaged)), source


def _embedded_row(config: Config, key: str, entry: dict) -> tuple[str, ...]:
    """Made images are listed nowhere; the node's own index says what was made."""
    folder = paths.data(config.scale, key)
    count = config.settings["images"][entry["role"]]
    hashes = {row["path"]: row["sha256"] for row in read_index(folder)} if (folder / INDEX).exists() else {}
    present = {path: digest for path, digest in hashes.items() if (folder / path).is_file()}
    damaged = sum(sha256_file(folder / path) != digest for path, digest in present.items())
    size = _megabytes(sum((folder / path).stat().st_size for path in present)) if present else "-"
    return key, entry["kind"], *_counts(count, size, max(count - len(present), 0), damaged), "embedded"


def _counts(files: int, size: str, absent: int, damaged: int) -> tuple[str, ...]:
    return str(files), size, str(files - absent - damaged), str(absent), str(damaged)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def main(arguments: list[str] | None = None) -> None:
    """Command line of the list."""
    options = parser("sources", __doc__)
    options.add_argument("--only", metavar="KEY", help="one entry of downloads (default: all of them)")
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    print(table(config, [given.only] if given.only else config.keys("download")))
