"""The reports of one scale as a static web site.

It needs no server and asks nothing of the network: open `index.html`. It is made from `reports/<scale>`, and where the
build behind these reports is here, from its provenance and its images too.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from redenoise.commands.parsing import parser
from redenoise.commands.site import details, pages, photos
from redenoise.commands.site.book import Book
from redenoise.commands.site.book import load as load_book
from redenoise.commands.site.texts import page_of
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.sources.stores import Store, load_store
from redenoise.support.errors import UserError
from redenoise.support.files import renewed
from redenoise.support.locks import beside, exclusive_all
from stages.report.tables import ALL_TABLES

HERE = Path(__file__).parent
MARK = ".redenoise-site"  # in a folder that this command may replace
DRAWN = ("index", "images", "pipeline")  # by the site itself, from no document of their names
MENU = (
    ("index", "Overview"),
    ("photographs", "Photographs"),
    ("training", "Training"),
    ("images", "Images"),
    ("figures", "Figures"),
    ("pipeline", "Pipeline"),
    ("provenance", "Provenance"),
    ("opinion", "Opinion test"),
    ("notes", "Notes"),
)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, make the site and say where it is."""
    options = parser("site", __doc__)
    options.add_argument("--output", type=Path, metavar="FOLDER", help="where to (default: build/<scale>/site)")
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    folder = given.output or paths.build(config.scale) / "site"
    with exclusive_all([paths.pages_lock(config.scale), (beside(folder), str(folder))]):
        _make(config, folder)


def _make(config: Config, folder: Path) -> None:
    book, album = load_book(config), photos.Album([], {}, [])
    why_not = book.source.why_not
    if not why_not:
        album = photos.album(config)
        for line in album.left_out:
            print(f"left out: {line}", file=sys.stderr)
    write(folder, book, album)
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    alone = f"; from the reports alone: {why_not}" if why_not else ""
    print(f"site: {folder / 'index.html'} ({len(files)} files, {size:.1f} MB){alone}")


def write(folder: Path, book: Book, album: photos.Album) -> None:
    """Put the whole site in the place of `folder`; raises `UserError` if that holds something else than a site."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: a file, expected a folder or nothing; choose another --output")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise UserError(f"{folder}: holds something else than a site; choose another --output, or empty it")
    with renewed(folder.resolve()) as new:
        (new / MARK).touch()
        shutil.copytree(HERE / "static", new / "assets")
        taken = {name: path.read_bytes() for name, path in book.files.items()}
        for name, data in {**rendered(book, album), **album.files, **taken}.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def rendered(book: Book, album: photos.Album) -> dict[str, bytes]:
    """Every page by its file name."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {
        "menu": [entry for entry in MENU if entry[0] in DRAWN or entry[0] in book.documents],
        "scale": book.config.scale,
        "demo": not book.config.settings["real_data"],
        "why_not": book.source.why_not,
    }
    made = {}
    for name, template, context in _contexts(book, album):
        text = environment.get_template(f"{template}.html").render({"current": name, "warned": False, **context})
        made[f"{name}.html"] = text.encode()
    return made


def _contexts(book: Book, album: photos.Album) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(page, template, context) of every page."""
    yield "index", "index", pages.index(book)
    yield "images", "images", _images(book, album)
    yield "pipeline", "pipeline", pages.stages_page(book)
    for name in (name for name, _ in MENU if name in book.documents):
        yield name, "text", pages.text_page(book, name)
    for spec in ALL_TABLES:
        yield page_of(spec.key).removesuffix(".html"), "table", pages.table(book, spec.key, album.photos)
    for node in book.nodes.values():
        yield node.page.removesuffix(".html"), "node", pages.node(book, node)


def _images(book: Book, album: photos.Album) -> dict[str, Any]:
    groups: dict[str, list] = {}
    for number, photo in enumerate(album.photos):
        groups.setdefault(photo["title"], []).append((number, photo))
    why = book.source.why_not or f"{paths.items(book.config.scale, '')} holds none"
    return {
        "title": "Images",
        "photos": list(groups.items()),
        "album": details.as_json(album.photos),
        "lossy": not all(photo["lossless"] for photo in album.photos),
        "gain": photos.GAIN,
        "left_out": album.left_out,
        "why_no_images": f"The denoised images are not kept with the reports, and {why}.",
        "origins": _origins(book.config),
    }


def _origins(config: Config) -> list[tuple[str, Store]]:
    """(titles of the test sets, store) of every store whose images the page would show; none at the demo scale."""
    titles: dict[str, list[str]] = {}
    for key in config.keys("synthesize") if config.settings["real_data"] else ():
        entry = config.entry("download", key)
        titles.setdefault(entry["store"], []).append(entry["title"])
    return [(", ".join(found), load_store(name)) for name, found in titles.items()]
