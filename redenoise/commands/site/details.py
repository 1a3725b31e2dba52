"""What a cell's window and a node's page say of how a value came to be."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from redenoise.commands.site.cells import Cell
from redenoise.commands.site.facts import Facts
from redenoise.commands.site.grids import level
from redenoise.commands.site.links import node_page
from redenoise.commands.site.pipeline import Node
from stages.report.kinds import Printed
from stages.report.layout import METRIC_NAMES

if TYPE_CHECKING:
    from redenoise.commands.site.pages import Book

# What a node is to the one that reads from it.
ROLES = {
    "synthesize": "noisy images",
    "train": "weights",
    "cascade": "weights, trained through a task",
    "task": "network of the task",
    "labelled": "labelled images",
    "released": "weights released here",
    "leakage": "check for test images in training sets",
}
NOISE = ("synthesize", "recognize", "recognize_filtered")  # the stages that draw noise for a measurement
WORDS = {"low": "95 % interval from", "high": "95 % interval to", "images": "images"}
WORDS |= {"seeds": "seeds of the noise", "mean": "mean over seeds", "spread": "standard deviation over these"}
WORDS |= {"trainings": "seeds of the training", "training_spread": "standard deviation over these"}
WORDS |= {"detail": "decided by"}


def table_json(book: "Book", spec: Printed, album: Iterable[dict[str, Any]]) -> Markup:
    """The cells of a table and the nodes behind them, for the page's script."""
    found = book.tables[spec.key]
    nodes = list(dict.fromkeys(cell.node for cell in found if cell.node))
    weights = _weights(book, spec)
    shown = {(photo["title"], photo["item"]): photo["levels"] for photo in album}
    rows = [_row(cell, nodes, weights, shown) for cell in found]
    text = json.dumps({"cells": rows, "nodes": [_node(book, node) for node in nodes]}, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # nothing in it can end the element


def facts_of(found: Facts) -> list[tuple[str, str]]:
    """(name, text) of what is known of a node's run."""
    return [
        ("commit", found.commit),
        ("uncommitted changes", found.changes),
        ("device", found.device),
        ("mode", found.mode),
        ("seconds", found.seconds),
    ]


def read_rows(book: "Book", node: Node) -> list[dict[str, str]]:
    """Every output of another node that a node reads, with the hash that it had then."""
    record = book.source.of(node).record or {}
    rows = []
    for other in node.reads:
        made = book.source.of(other).outputs or {}
        for path in other.outputs:
            digest = record.get("inputs", {}).get(path) or made.get(path, "")
            rows.append({"path": path, "digest": digest, "page": node_page(other), "maker": other.name})
    return rows


def _row(cell: Cell, nodes: list[Node], weights: dict[str, str], shown: dict) -> dict[str, Any]:
    """One cell, empty fields left out."""
    row = {
        "title": ", ".join(filter(None, (cell.dataset, cell.item, level(cell.condition), cell.method))),
        "metric": METRIC_NAMES[cell.metric] + (f" in {cell.unit}" if cell.unit not in ("", "count") else ""),
        "printed": cell.published,
        "reproduced": cell.reproduced,
        "delta": cell.delta,
        "status": cell.status,
        "tolerance": "" if cell.tolerance is None else f"{cell.tolerance:.6g}",
        "note": cell.note,
        "measured": cell.measured if cell.measured != cell.method else "",
        "weights": weights.get(cell.measured, ""),
        "more": [[WORDS.get(name, name.replace("_", " ")), value] for name, value in cell.more.items()],
        "node": nodes.index(cell.node) if cell.node else None,
        "photo": _photo(cell, shown),
    }
    return {name: value for name, value in row.items() if value not in ("", [], None)}


def _photo(cell: Cell, shown: dict) -> str:
    """Where the image browser shows the image that was measured, if it does."""
    sigma = cell.condition.removeprefix("sigma=")
    if not cell.reproduced or cell.measured not in shown.get((cell.dataset, cell.item), {}).get(sigma, ()):
        return ""
    return "/".join((cell.dataset, cell.item, sigma, cell.measured))


def _weights(book: "Book", spec: Printed) -> dict[str, str]:
    """Measured method to how its weights were made, as the table's page says it."""
    page, found = book.texts[spec.key], {}
    for heading in ("Methods", "Networks"):
        for row in (row for table in page.find(heading).tables for row in table):
            text = next((value for name, value in row.items() if name.startswith("weights")), "-")
            if text != "-":
                found[row.get("measured", "")] = text
    return found


def _node(book: "Book", node: Node) -> dict[str, Any]:
    found = book.source.of(node)
    return {
        "name": node.name,
        "page": node_page(node),
        "command": node.command,
        "facts": [*facts_of(found), ("seed", "; ".join(_seeds(book, node)))],
        "reads": [
            [_role(book, other), row["maker"], row["page"], row["digest"]]
            for other in node.reads
            for row in read_rows(book, node)
            if row["maker"] == other.name
        ],
    }


def _role(book: "Book", node: Node) -> str:
    if node.stage == "download":
        return {"images": "images", "weights": "published weights"}[book.config.entry("download", node.key)["kind"]]
    return ROLES.get(node.stage, node.stage)


def _seeds(book: "Book", node: Node) -> Iterator[str]:
    """The seeds of the noise and of the trainings behind a node."""
    drawing = next((one for one in (node, *node.reads) if one.stage in NOISE), None)
    if drawing:
        params = (book.source.of(drawing).record or {}).get("params", {})
        yield f"{params.get('seed', book.config.params['seed'])} (noise)"
    for other in node.reads:
        models = (book.source.of(other).record or {}).get("models", {})
        seeds = sorted({str(card["seed"]) for card in models.values() if "seed" in card})
        if seeds:
            yield f"{', '.join(seeds)} (training of {other.key})"
