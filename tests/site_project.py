"""A scratch project with reports, provenance and a few kept images, for the tests of the site."""

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from redenoise.commands.opinion import report as opinion
from redenoise.commands.site import build, photos
from redenoise.commands.site.book import load as load_book
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_index
from redenoise.data.images import write_png
from redenoise.measure.metrics import psnr
from stages.report import node as report
from tests.browser import Browser
from tests.conftest import ROOT
from tests.report_project import RESULT_HEADER, card, make_project, write_record

IMAGE_RUNS = ("kodak-cbm3d", "kodak-dncnn")
LEVELS = ("25", "35", "50")
SHAPE = (52, 76, 3)  # no multiple of a tile
GRID, SECOND = (f"[aria-labelledby='σ--{level}-psnr-in-db'] table" for level in (25, 35))
COLUMN = """const [grid, column] = arguments;
return [...document.querySelector(grid).tBodies[0].rows].map(row => row.cells[column].textContent.trim())"""


def make_reports(folder: Path, scale: str) -> Config:
    """Reports of one scale from hand-made results, in the working directory `folder`; their build beside them."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "workflow", folder / "workflow", dirs_exist_ok=True)
    config = make_project(folder, scale)
    keep_images(config)
    write_record(config, "train", "proposed", models={"sigma25": card(), "sigma35": card()})
    write_record(config, "train", "dncnn_color", models={"sigma25": card()})
    report.run(config)
    opinion.write(opinion.FOLDER, config, [], None)
    return config


def keep_images(config: Config) -> None:
    """Two photographs of Kodak as the stages leave them, denoised by two methods, and results that agree."""
    # Noise itself, a little of it left by every method: any region differs from any other.
    noise = np.random.default_rng(7)
    clean_folder, noisy_folder = paths.data(config.scale, "kodak"), paths.noisy(config.scale, "kodak")
    clean_rows, noisy_rows, found = [], [], {}
    for item in first_items(config):
        clean = noise.integers(40, 216, SHAPE).astype(np.uint8)
        write_png(clean_folder / f"{item}.png", clean)
        clean_rows.append({"id": item, "path": f"{item}.png", "sha256": "0"})
        for level in LEVELS:
            field = noise.normal(0, float(level), SHAPE).astype(np.float32)
            path = noisy_folder / f"sigma{level}/{item}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, clean + field)
            noisy_rows.append({"id": item, "sigma": level, "path": f"sigma{level}/{item}.npy", "sha256": "0"})
            for number, key in enumerate(IMAGE_RUNS, start=2):
                image = np.rint(np.clip(clean + field / number, 0, 255)).astype(np.uint8)
                write_png(paths.items(config.scale, key) / f"sigma{level}/{item}.{'a' * 20}.png", image)
                found[key, item, f"sigma={level}"] = psnr(image, clean)
    write_index(clean_folder, ("id", "path", "sha256"), clean_rows)
    write_index(noisy_folder, ("id", "sigma", "path", "sha256"), noisy_rows)
    for key in IMAGE_RUNS:
        _agree(
            paths.results(config.scale, key), {place[1:]: value for place, value in found.items() if place[0] == key}
        )
    write_record(config, "evaluate", "kodak-dncnn", **_inputs(config))


def first_items(config: Config) -> list[str]:
    """The ids of the two photographs."""
    return ["01", "02"] if config.settings["real_data"] else ["stand-in0", "stand-in1"]


def make_site(config: Config, folder: Path, budget: int = photos.BUDGET) -> photos.Album:
    """The site of a project in `folder`."""
    book = load_book(config)
    album = photos.album(config, budget) if not book.source.why_not else photos.Album([], {}, [])
    build.write(folder, book, album)
    return album


def _inputs(config: Config) -> dict:
    scale = config.scale
    inputs = {f"build/{scale}/data/kodak": "da" * 32, f"build/{scale}/noisy/kodak": "5e" * 32}
    inputs |= {f"build/{scale}/leakage/kodak-cbsd432.txt": "1e" * 32}
    return {"inputs": inputs | {f"build/{scale}/weights/dncnn_color": "fe" * 32}}


def _agree(path: Path, found: dict[tuple[str, str], float]) -> None:
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    for row in rows:
        if row["metric"] == "psnr" and (row["item"], row["condition"]) in found:
            row["value"] = f"{found[row['item'], row['condition']]:.6f}"
    lines = [",".join(row.values()) for row in rows]
    path.write_text("\n".join([RESULT_HEADER, *lines]) + "\n", encoding="utf-8")


class Page(HTMLParser):
    """What the tests ask of a page: `links` and `sources` as written, `ids`, and the JSON of its scripts by id."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.data: dict[str, object] = {}
        self.words: list[str] = []
        self._script = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [found["href"]] if tag == "a" and "href" in found else []
        if tag in ("img", "script", "link"):
            self.sources += [found[name] for name in ("src", "href") if found.get(name)]
        self._script = (found.get("id") or "-") if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.words.append(data)
        elif self._script != "-":
            self.data[self._script] = json.loads(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = ""

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def pages_of(site: Path) -> dict[str, Page]:
    return {path.name: Page(path) for path in sorted(site.glob("*.html"))}


def check_links(site: Path) -> None:
    """Every link and every file that a page names is there; nothing is asked of the network."""
    found = pages_of(site)
    for name, page in found.items():
        assert len(page.ids) == len(set(page.ids)), f"{name}: an id occurs twice"
        for source in page.sources:
            assert source == "data:," or (site / source).is_file(), f"{name}: {source}"
        for link in page.links:
            if link.startswith("https://doi.org/"):
                continue
            target, _, anchor = link.partition("#")
            assert (site / target).is_file() if target else True, f"{name}: {link}"
            if cell := re.fullmatch(r"cell-(\d+)", anchor):  # which the page's script opens
                assert int(cell[1]) < len(found[target].data["cell-data"]["cells"]), f"{name}: {link}"
            elif anchor and target in ("", *found):
                assert unquote(anchor) in found[target or name].ids, f"{name}: {link}"
    styles = "".join(path.read_text(encoding="utf-8") for path in (site / "assets").iterdir())
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttpRequest", styles)


def column(page: Browser, number: int, grid: str = GRID) -> list[str]:
    return page.run(COLUMN, grid, number)


def go_to(page: Browser, selector: str) -> None:
    """Reach an element by the Tab key alone."""
    for _ in range(200):
        page.press("Tab")
        if page.run("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")
