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
from markupsafe import Markup

from redenoise.commands.parsing import parser
from redenoise.commands.site import links, pages, photos
from redenoise.commands.site.pages import Book
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from redenoise.support.files import renewed
from stages.report import TABLE_SUFFIXES, gallery
from stages.report.tables import ALL_TABLES

HERE = Path(__file__).parent
MARK = ".redenoise-site"  # in a folder that this command may replace
MENU = (
    ("index", "Overview"),
    ("training", "Training"),
    ("images", "Images"),
    ("figures", "Figures"),
    ("pipeline", "Pipeline"),
    ("provenance", "Provenance"),
    ("opinion", "Opinion test"),
    ("notes", "Notes"),
)
DATA = ("averages.csv", "accuracies.csv", "learning_curves.csv", "metrics.json", "opinion.csv")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, make the site and say where it is."""
    options = parser("site", __doc__)
    options.add_argument("--output", type=Path, metavar="FOLDER", help="where to (default: build/<scale>/site)")
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    folder = given.output or paths.build(config.scale) / "site"
    book, album = pages.load(config), photos.Album([], {}, [])
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
        for name, data in {**rendered(book, album), **album.files}.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for name, source in copied(book):
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)


def rendered(book: Book, album: photos.Album) -> dict[str, bytes]:
    """Every page by its file name."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    scale, settings = book.config.scale, book.config.settings
    menu = [entry for entry in MENU if entry[0] != "opinion" or "opinion" in book.texts]
    environment.globals |= {"menu": menu, "scale": scale, "demo": not settings["real_data"]}
    environment.globals |= {"why_not": book.source.why_not}
    made = {}
    for name, template, context in _contexts(book, album):
        text = environment.get_template(f"{template}.html").render({"current": name, "warned": False, **context})
        made[f"{name}.html"] = text.encode()
    return made


def _contexts(book: Book, album: photos.Album) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(page, template, context) of every page."""
    yield "index", "index", pages.index(book)
    yield "training", "training", pages.training(book)
    yield "images", "images", _images(book, album)
    yield "figures", "prose", pages.text_page(book, "figures", "Figures", contents=False)
    if "opinion" in book.texts:
        yield "opinion", "prose", pages.text_page(book, "opinion", "Opinion test", contents=False)
    yield "pipeline", "pipeline", pages.picture(book)
    yield "provenance", "provenance", pages.provenance(book)
    yield "notes", "prose", pages.text_page(book, "notes", "Notes", contents=True)
    for spec in ALL_TABLES:
        yield links.table_page(spec.key).removesuffix(".html"), "table", pages.table(book, spec, album.photos)
    for node in book.nodes.values():
        yield links.node_page(node).removesuffix(".html"), "node", pages.node(book, node)


def _images(book: Book, album: photos.Album) -> dict[str, Any]:
    groups: dict[str, list] = {}
    for number, photo in enumerate(album.photos):
        groups.setdefault(photo["title"], []).append((number, photo))
    why = book.source.why_not or f"{paths.items(book.config.scale, '')} holds none"
    return {
        "title": "Images",
        "photos": list(groups.items()),
        "album": Markup(photos.as_json(album.photos)),
        "lossy": not all(photo["lossless"] for photo in album.photos),
        "gain": photos.GAIN,
        "left_out": album.left_out,
        "why_no_images": f"The denoised images are not kept with the reports, and {why}.",
    }


def copied(book: Book) -> Iterator[tuple[str, Path]]:
    """(name on the site, file) of everything that is taken as it is."""
    for path in sorted((HERE / "static").iterdir()):
        yield f"assets/{path.name}", path
    reports = paths.reports(book.config.scale)
    tables = [f"{spec.key}{suffix}" for spec in ALL_TABLES for suffix in TABLE_SUFFIXES if suffix != ".md"]
    for name in (*DATA, *tables):
        if (reports / name).is_file():
            yield f"data/{name}", reports / name
    for name in (*(f"figures/{name}" for name in gallery.MADE), "opinion.svg"):
        if (reports / name).is_file():
            yield name, reports / name
    if not book.source.why_not:
        for node in book.nodes.values():
            record = paths.provenance(book.config.scale, node.stage, node.key)
            yield f"data/provenance/{node.name}.json", record
