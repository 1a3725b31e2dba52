"""What a cell's window and a node's page say of how a value came to be."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from markupsafe import Markup

from redenoise.commands.site.book import Book
from redenoise.commands.site.facts import RUN, Record
from redenoise.commands.site.grids import level, named
from redenoise.commands.site.pipeline import Node
from redenoise.document import inline
from redenoise.document.model import NOTHING, Document, Value
from redenoise.support.numbers import fixed
from stages.report.details import words
from stages.report.rows import DECIMALS, signed

# What a node is to the one that reads from it.
ROLES = {
    "synthesize": "noisy images",
    "degrade": "degraded images",
    "train": "weights",
    "cascade": "weights, trained through a task",
    "task": "network of the task",
    "labelled": "labelled images",
    "released": "weights released here",
    "leakage": "check for test images in training sets",
}
NOISE = ("synthesize", "recognize", "recognize_filtered")  # the stages that draw noise for a measurement
MORE = {  # what not every value has, in words
    "low": "95 % interval from",
    "high": "95 % interval to",
    "images": "images",
    "seeds": "seeds of the noise",
    "mean": "mean over seeds",
    "spread": "standard deviation over these",
    "trainings": "seeds of the training",
    "training_spread": "standard deviation over these",
    "detail": "distance from print",
    "misprint": "suspected misprint",
    "estimate": "best estimate of it",
}


def table_json(book: "Book", page: Document, album: Iterable[dict[str, Any]]) -> Markup:
    """The values of a table and the nodes behind them, for the page's script."""
    nodes = [book.nodes[name] for name in dict.fromkeys(value.node for value in page.values) if name in book.nodes]
    places = {node.name: place for place, node in enumerate(nodes)}
    weights = _weights(page)
    shown = {(photo["title"], photo["item"]): photo["levels"] for photo in album}
    rows = [_row(value, places, weights, shown) for value in page.values]
    return as_json({"cells": rows, "nodes": [_node(book, node) for node in nodes]})


def as_json(value: object) -> Markup:
    """JSON for a page's script; nothing in it can end the element that holds it."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


def facts_of(record: Record) -> list[tuple[str, str]]:
    """(name, text) of what is known of a node's run."""
    return [(name, record.get(name) or "") for name in RUN]


def read_rows(book: "Book", node: Node) -> list[dict[str, str]]:
    """Every output of another node that a node reads, with the hash that it had then."""
    record = book.source.of(node)
    rows = []
    for other in node.reads:
        made = book.source.of(other).get("outputs", {})
        for path in other.outputs:
            digest = record.get("inputs", {}).get(path) or made.get(path, "")
            rows.append({"path": path, "digest": digest, "page": other.page, "maker": other.name})
    return rows


def _row(value: Value, places: dict[str, int], weights: dict[str, str], shown: dict) -> dict[str, Any]:
    """One value, empty fields left out."""
    digits = DECIMALS.get(value.metric, 4)
    row = {
        "title": ", ".join(filter(None, (value.dataset, value.item, level(value.condition), value.method))),
        "metric": named(value),
        "printed": value.printed,
        "reproduced": "" if value.reproduced is None else fixed(value.reproduced, digits),
        "delta": "" if value.delta is None else signed(value.delta, digits),
        "status": value.status,
        "tolerance": "" if value.limit is None or not value.printed else f"{value.limit:.6g}",
        "ground": value.ground,
        "note": value.note,
        "measured": value.measured if value.measured != value.method else "",
        "weights": weights.get(value.measured, ""),
        "more": [[text, words(str(getattr(value, name)))] for name, text in MORE.items() if getattr(value, name)],
        "node": places.get(value.node),
        "photo": _photo(value, shown),
    }
    return {name: text for name, text in row.items() if text not in ("", [], None)}


def _photo(value: Value, shown: dict) -> str:
    """Where the image browser shows the image that was measured, if it does."""
    sigma = value.condition.removeprefix("sigma=")
    if value.reproduced is None or value.measured not in shown.get((value.dataset, value.item), {}).get(sigma, ()):
        return ""
    return "/".join((value.dataset, value.item, sigma, value.measured))


def _weights(page: Document) -> dict[str, str]:
    """Measured method to how its weights were made, as the table's page says it."""
    rows = [row for name in ("Methods", "Networks") for table in page.section(name).tables for row in table.records()]
    found = {}
    for row in rows:
        text = next((text for name, text in row.items() if name.startswith("weights")), NOTHING)
        if text != NOTHING:
            found[inline.plain(row.get("measured", ""))] = inline.plain(text)
    return found


def _node(book: "Book", node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "page": node.page,
        "command": node.command,
        "facts": [*facts_of(book.source.of(node)), ("seed", "; ".join(_seeds(book, node)))],
        "reads": [
            [_role(book, book.nodes[row["maker"]]), row["maker"], row["page"], row["digest"]]
            for row in read_rows(book, node)
        ],
    }


def _role(book: "Book", node: Node) -> str:
    if node.stage == "download" and node.key:
        return {"images": "images", "weights": "published weights"}[book.config.entry("download", node.key)["kind"]]
    return ROLES.get(node.stage, node.stage)


def _seeds(book: "Book", node: Node) -> Iterator[str]:
    """The seeds of the noise and of the trainings behind a node."""
    drawing = next((one for one in (node, *node.reads) if one.stage in NOISE), None)
    if drawing:
        params = book.source.of(drawing).get("params", {})
        yield f"{params.get('seed', book.config.params['seed'])} (noise)"
    for other in node.reads:
        models = book.source.of(other).get("models", {})
        seeds = sorted({str(card["seed"]) for card in models.values() if "seed" in card})
        if seeds:
            yield f"{', '.join(seeds)} (training of {other.key})"
