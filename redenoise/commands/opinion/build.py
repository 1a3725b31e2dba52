"""Make the rating page and its key: ten images, each denoised by every method, under codes that tell nothing."""

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from redenoise.commands.opinion.methods import SIGMA, Method, four
from redenoise.commands.opinion.ratings import FORMAT, read_key
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import checked_path, read_index, unavailable_reason
from redenoise.measure.torch_mode import set_mode
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_bytes, write_json, write_text
from redenoise.support.progress import progress

DATASETS = ("kodak", "cbsd68")
IMAGES = 5  # of each set
HERE = Path(__file__).parent
STYLE, SCRIPTS = "page.css", ("order.js", "view.js", "page.js")
CODE = 12  # hexadecimal digits of a code, and of the page's id


@dataclass(frozen=True)
class Chosen:
    """One image of the test: its set, its row in the index of noisy images, and its code on the page."""

    dataset: str
    row: dict[str, str]
    code: str


def build(config: Config, folder: Path, seed: int, without_missing: bool = False) -> dict[str, Any]:
    """Write `opinion.html`, which raters get, and `key.json`, which they do not, and return the key.

    Args:
        seed: decides which images are shown, and the codes.
        without_missing: make a page of the methods that can run, two at least, instead of refusing.

    Raises:
        UserError: data or weights are missing, or a method cannot run and `without_missing` is not set.
    """
    set_mode("reference", config.settings["threads"])
    chosen = [image for dataset in DATASETS for image in choose(config.scale, dataset, seed)]
    methods = four(config)
    missing = {method.name: method.missing for method in methods if method.missing}
    methods = [method for method in methods if not method.missing]
    if missing and (not without_missing or len(methods) < 2):
        raise UserError(_cannot(missing, config.scale, len(methods)))
    images, described = [], []
    for image in progress(chosen, len(chosen), "opinion test"):
        shown, entry = _panels(config, image, methods, seed)
        images.append(shown)
        described.append(entry)
    key = {
        "format": FORMAT,
        "scale": config.scale,
        "real_data": config.settings["real_data"],
        "seed": seed,
        "sigma": SIGMA,
        "methods": [{"name": method.name, "text": method.text, "parts": method.parts} for method in methods],
        "missing": missing,
        "images": described,
    }
    key["page"] = sha256_bytes(json.dumps([FORMAT, described], sort_keys=True).encode())[:CODE]
    key |= {**provenance.commit(), "packages": provenance.package_versions()}
    _set_aside(folder, key["page"])
    write_text(folder / "opinion.html", page(key["page"], images))
    write_json(folder / "key.json", key)
    return key


def choose(scale: str, dataset: str, seed: int) -> list[Chosen]:
    """`IMAGES` images of one noisy set, drawn by the seed: the same on any machine."""
    noisy = paths.noisy(scale, dataset)
    if not noisy.is_dir():
        raise UserError(f"{noisy}: no noisy images; run `snakemake --cores all --config scale={scale}` first")
    if reason := unavailable_reason(noisy):
        raise UserError(f"{noisy}: no images: {reason}")
    rows = {row["id"]: row for row in read_index(noisy) if float(row["sigma"]) == SIGMA}
    if len(rows) < IMAGES:
        raise UserError(
            f"{noisy}: {len(rows)} images of sigma {SIGMA}, expected {IMAGES} or more; add the level to params.yaml"
        )
    drawn = sorted(rows, key=lambda item: code(seed, "draw", dataset, item))[:IMAGES]
    return [Chosen(dataset, rows[item], code(seed, "image", dataset, item)) for item in drawn]


def code(seed: int, *names: str) -> str:
    """A short code that says nothing to a reader and is the same on any machine."""
    return sha256_bytes("|".join(("redenoise opinion test", str(seed), *names)).encode())[:CODE]


def page(page_id: str, images: list[dict[str, Any]]) -> str:
    """The rating page: one HTML file that asks for nothing else, its parts allowed by their hashes alone."""
    text = (HERE / "page.html").read_text(encoding="utf-8")
    style = (HERE / STYLE).read_text(encoding="utf-8")
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    data = json.dumps({"format": FORMAT, "page": page_id, "images": images}).replace("<", "\\u003c")
    parts = {"STYLE_HASH": _hash(style), "SCRIPT_HASH": _hash(script), "STYLE": style, "SCRIPT": script, "DATA": data}
    for name, part in parts.items():
        text = text.replace(f"@@{name}@@", part)
    return text


def _set_aside(folder: Path, page_id: str) -> None:
    """Keep the key of another page that lies here: somebody may be rating that page."""
    path = folder / "key.json"
    if path.exists() and (other := read_key(path).page) != page_id:
        path.rename(folder / f"key-{other}.json")


def _panels(config: Config, image: Chosen, methods: list[Method], seed: int) -> tuple[dict, dict]:
    """What the page shows of one image, ordered by code, and what the key says of it."""
    noisy = paths.noisy(config.scale, image.dataset)
    path = checked_path(noisy, image.row)
    item, panels = image.row["id"], []
    for method in methods:
        found = method.denoised(config.scale, image.dataset, image.row, path)
        panels.append((code(seed, "panel", image.dataset, item, method.name), method, found))
    panels.sort(key=lambda panel: panel[0])
    height, width = panels[0][2].shape[:2]
    shown = [{"code": name, "source": _data_url(found)} for name, _, found in panels]
    entry = {
        "code": image.code,
        "dataset": config.entry("download", image.dataset)["title"],
        "item": item,
        "noisy": image.row["sha256"],
        "panels": [
            {"code": name, "method": method.name, "pixels": sha256_bytes(f"{found.shape}".encode() + found.tobytes())}
            for name, method, found in panels
        ],
    }
    return {"code": image.code, "width": width, "height": height, "panels": shown}, entry


def _data_url(image: np.ndarray) -> str:
    """The image as a URL that holds it: WebP without loss, a quarter smaller than PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="WEBP", lossless=True, quality=60, method=4, exact=True)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _cannot(missing: dict[str, str], scale: str, left: int) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
    line = f"{len(missing)} of the 4 methods of figure 5 cannot run at scale {scale}: {reasons}"
    if left < 2:
        return f"{line}; nothing is left to compare"
    return f"{line}; train them, or make a page of the others with --without-missing"
