"""What every page of the site is made from: the templates' contexts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from redenoise.commands.site import charts, dag, details, grids, pipeline
from redenoise.commands.site.book import Book
from redenoise.commands.site.facts import Record
from redenoise.commands.site.pipeline import Node
from redenoise.commands.site.texts import Writer, page_of, slug
from redenoise.document.model import WARNING, Block, Document, Items, Paragraph, Picture, Section, Table, Value
from stages.report import figures
from stages.report.rows import STATUSES
from stages.report.tables import ALL_TABLES, PAPERS

Context = dict[str, Any]
OVERVIEW_LEFT_OUT = ("Papers", "Data and weights")  # which the site shows in a form of its own


def text_page(book: Book, name: str) -> Context:
    """A page that is the report's own text."""
    page = book.documents[name]
    write, parts = book.writer(name), list(page.sections)
    intro = parts.pop(0) if parts and not parts[0].heading else Section("", ())
    return {
        "title": page.title,
        "write": write,
        "intro": _blocks(book, page, intro, write),
        "sections": [_section(book, page, part, write) for part in parts],
        "warned": any(isinstance(block, Paragraph) and block.tone == WARNING for block in intro.blocks),
        "contents": name == "notes",
    }


def index(book: Book) -> Context:
    """The overview."""
    tables, papers = entries(book), []
    for key in dict.fromkeys(entry["paper"] for entry in tables):
        found = [entry["counts"] for entry in tables if entry["paper"] == key]
        papers.append(
            {"paper": PAPERS[key], "counts": {name: sum(count[name] for count in found) for name in STATUSES}}
        )
    page = text_page(book, "overview")
    kept = [part for part in page["sections"] if part["heading"] not in OVERVIEW_LEFT_OUT]
    return {**page, "sections": kept, "papers": papers, "tables": tables}


def table(book: Book, name: str, album: Iterable[Context]) -> Context:
    """The page of one table; `album`: the photographs of the image browser, which a cell of theirs leads to."""
    page, listed = book.documents[name], entries(book)
    place = [entry["key"] for entry in listed].index(name)
    found = text_page(book, name)
    return {
        **found,
        "key": name,
        "counts": listed[place]["counts"],
        "intro": [block for block in found["intro"] if not isinstance(block["of"], Items)],
        "rules": [block for block in found["intro"] if isinstance(block["of"], Items)],
        "others": [(heading, grids.lay_out(other, page.values)) for heading, other in grids.unshown(page)],
        "cells": details.table_json(book, page, album),
        "before": listed[place - 1] if place else None,
        "after": listed[place + 1] if place + 1 < len(listed) else None,
    }


def entries(book: Book) -> list[Context]:
    """Every table: where it is, what it is called, how many of its cells have which status."""
    return [
        {
            "key": spec.key,
            "page": page_of(spec.key),
            "paper": spec.paper,
            "number": spec.number,
            "title": spec.title,
            "counts": counts(book.documents[spec.key].values),
        }
        for spec in ALL_TABLES
    ]


def counts(values: Iterable[Value]) -> dict[str, int]:
    """How many printed values have each status."""
    found = [value.status for value in values if value.printed]
    return {status: found.count(status) for status in STATUSES}


def _section(book: Book, page: Document, part: Section, write: Writer) -> Context:
    return {"id": slug(part.heading), "heading": part.heading, "blocks": _blocks(book, page, part, write)}


def _blocks(book: Book, page: Document, part: Section, write: Writer) -> list[Context]:
    return [{"kind": type(block).__name__, "of": block, **_more(book, page, block, write)} for block in part.blocks]


def _more(book: Book, page: Document, block: Block, write: Writer) -> Context:
    """What a template needs of a block besides the block itself."""
    if isinstance(block, Table):
        own = page.name in {spec.key for spec in ALL_TABLES}
        return {"grid": grids.lay_out(block, page.values, {} if own else book.places)}
    if isinstance(block, Picture):
        path = Path(block.path)
        drawn = path.parent.as_posix() == "figures" and path.suffix == ".svg" and path.stem in figures.DRAWN
        chart = charts.chart(book.config, path.stem, block.caption) if drawn else None
        return {"chart": chart, "file": write.picture(block.path)}
    return {}


def stages_page(book: Book) -> Context:
    """The page of the DAG."""
    edges = pipeline.stage_edges(book.nodes)
    nodes = {stage: [node for node in book.nodes.values() if node.stage == stage] for stage in edges}
    picture = dag.draw(edges, {stage: len(found) for stage, found in nodes.items()})
    stages = [{"name": stage, "reads": reads, "nodes": nodes[stage]} for stage, reads in edges.items()]
    return {"title": "Pipeline", "picture": Markup(picture), "stages": stages}


def node(book: Book, shown: Node) -> Context:
    """The page of one node."""
    record = book.source.of(shown)
    outputs = record.get("outputs", {})
    made = {name for name, page in book.documents.items() if any(value.node == shown.name for value in page.values)}
    return {
        "title": f"Node {shown.name}",
        "node": shown,
        "facts": details.facts_of(record),
        "reads": details.read_rows(book, shown),
        "writes": [{"path": path, "digest": outputs.get(path, ""), "maker": "this node"} for path in shown.outputs],
        "readers": [other for other in book.nodes.values() if shown in other.reads],
        "tables": [entry for entry in entries(book) if entry["key"] in made],
        "models": _models(record),
        "record": record,
        "whole": f"data/provenance/{shown.name}.json" in book.files,
        "sources": [{"path": path, "digest": digest} for path, digest in record.get("sources", {}).items()],
        "params": yaml.safe_dump(record.get("params", {}), sort_keys=False, allow_unicode=True),
    }


def _models(record: Record) -> list[tuple[str, ...]]:
    """(model, origin, seed, device, hours) of every network that a node trained or imported."""
    cards = record.get("models") or ({"model": record["card"]} if record.get("card") else {})
    fields = ("origin", "seed", "device", "hours")
    return [(name, *(str(card.get(field, "-")) for field in fields)) for name, card in cards.items()]
