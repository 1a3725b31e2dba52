"""What every page of the site is made from: the templates' contexts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml
from markupsafe import Markup

from redenoise.commands.site import cells, curves, dag, details, facts, grids, pipeline, prose
from redenoise.commands.site.cells import Cell
from redenoise.commands.site.charts import DASHES
from redenoise.commands.site.facts import Source
from redenoise.commands.site.links import Links, node_page, table_page
from redenoise.commands.site.pipeline import Node, NodeName
from redenoise.dag import paths
from redenoise.dag.config import Config
from stages.report.kinds import DesignTable, Printed
from stages.report.tables import ALL_TABLES, PAPERS

Context = dict[str, Any]
# Sections of the report's pages that the site shows in a form of its own.
REPLACED = {
    "table": ("σ = ", "Averages over", "Designs:", "Accuracy behind", "Measured, not printed", "PSNR in dB of"),
    "index": ("Papers", "Cells", "Data and weights"),
    "training": ("Learning curves", "Parameters and PSNR"),
    "figures": ("Learning curves", "Parameters and PSNR"),
    "provenance": ("Nodes",),
    "notes": (),
    "opinion": (),
}


@dataclass(frozen=True)
class Book:
    """Everything that the pages are made from."""

    config: Config
    nodes: dict[NodeName, Node]
    source: Source
    tables: dict[str, list[Cell]]

    @cached_property
    def texts(self) -> dict[str, prose.Page]:
        """The report's Markdown pages, by name; that of the opinion test, which no stage writes, may not be there."""
        folder = paths.reports(self.config.scale)
        names = [name for name in prose.PAGES if name != "opinion" or (folder / "opinion.md").is_file()]
        return {name: prose.read(folder / f"{name}.md") for name in (*names, *self.tables)}

    @cached_property
    def links(self) -> Links:
        """Where the rows of these pages lead."""
        return Links(self.config, self.nodes)


def load(config: Config) -> Book:
    """Read everything; raises `UserError` where the reports of the scale are not there or not as they are written."""
    nodes = pipeline.load(config)
    found = cells.makers(config, nodes)
    tables = {spec.key: cells.load(config, spec, found, nodes) for spec in ALL_TABLES}
    return Book(config, nodes, facts.load(config, nodes), tables)


def sections(page: prose.Page, kind: str, folder: str = "", found: Links | None = None) -> list[dict[str, Any]]:
    """A page's sections as HTML, those left out that the site shows in a form of its own; `found`: of their tables."""
    linker = found.of if found else None
    kept = [part for part in page.sections[1:] if not part.heading.startswith(REPLACED[kind] or ("\0",))]
    return [
        {
            "id": prose.slug(part.heading),
            "heading": Markup(prose.inline(part.heading)),
            "html": Markup(prose.render(part.body, part.heading, folder, linker)),
        }
        for part in kept
    ]


def intro(page: prose.Page, folder: str = "") -> Markup:
    """What stands before a page's first heading, as HTML."""
    return Markup(prose.render(page.sections[0].body, page.title, folder))


def headed(page: prose.Page) -> Context:
    """A page's own title, and whether it warns of the demo itself."""
    return {"heading": Markup(prose.inline(page.title)), "warned": "\n> **" in f"\n{page.sections[0].body}"}


def entries(book: Book) -> list[Context]:
    """Every table: where it is, what it is called, how many of its cells have which status."""
    return [
        {
            "key": spec.key,
            "page": table_page(spec.key),
            "paper": spec.paper,
            "number": spec.number,
            "title": spec.title,
            "counts": cells.counts(book.tables[spec.key]),
        }
        for spec in ALL_TABLES
    ]


def index(book: Book) -> Context:
    """The overview."""
    tables, papers = entries(book), []
    for key in dict.fromkeys(entry["paper"] for entry in tables):
        counts = [entry["counts"] for entry in tables if entry["paper"] == key]
        total = {status: sum(count[status] for count in counts) for status in counts[0]}
        paper = PAPERS[key]
        papers.append({"short": paper.short, "title": paper.title, "doi": paper.doi, "counts": total})
    text = book.texts["overview"]
    reasons = prose.Section("Cells not run, by reason", text.find("Cells").body.rpartition("by reason:")[2].strip())
    kept = prose.Page(text.title, (text.sections[0], reasons, *text.sections[1:]))
    lines = [line for line in text.sections[0].body.splitlines() if line.startswith("- ")]
    facts_list = Markup(prose.render("\n".join(lines), ""))
    found = sections(kept, "index", found=book.links)
    return {"title": "Overview", "facts": facts_list, "papers": papers, "tables": tables, "sections": found}


def table(book: Book, spec: Printed, album: Iterable[Context]) -> Context:
    """The page of one table; `album`: the photographs of the image browser, which a cell of theirs leads to."""
    found, text, listed = book.tables[spec.key], book.texts[spec.key], entries(book)
    place = [entry["key"] for entry in listed].index(spec.key)
    laid_out = grids.lay_out(spec, found)
    return {
        "title": f"{spec.paper}, {spec.number}",
        **headed(text),
        "key": spec.key,
        "counts": cells.counts(found),
        **_split(text, spec.paper),
        "grids": laid_out,
        "others": [grid for grid in laid_out if not grid.main],
        "sections": sections(text, "table", spec.paper),
        "cells": details.table_json(book, spec, album),
        "before": listed[place - 1] if place else None,
        "after": listed[place + 1] if place + 1 < len(listed) else None,
    }


def _split(text: prose.Page, folder: str) -> Context:
    """What stands before a table's first heading: its summary, and the list of what is to know about its numbers."""
    lines = text.sections[0].body.splitlines()
    rules, rest = ("\n".join(line for line in lines if line.startswith("- ") == listed) for listed in (True, False))
    return {name: Markup(prose.render(body, "", folder)) for name, body in (("intro", rest), ("rules", rules))}


def training(book: Book) -> Context:
    """The page of the trained networks."""
    text = book.texts["training"]
    panels = curves.panels(book.config, curves.load(paths.reports(book.config.scale)))
    spec = next(spec for spec in ALL_TABLES if isinstance(spec, DesignTable))
    return {
        "title": "Training",
        **headed(text),
        "intro": intro(text),
        "sections": sections(text, "training", found=book.links),
        "panels": panels,
        "legend": curves.legend(panels),
        "dashes": DASHES,
        "designs": curves.designs(spec, book.tables[spec.key]),
        "designs_page": table_page(spec.key),
    }


def text_page(book: Book, name: str, title: str, contents: bool) -> Context:
    """A page that is the report's own text."""
    text = book.texts[name]
    found = sections(text, name, found=book.links)
    return {"title": title, **headed(text), "intro": intro(text), "sections": found, "contents": contents}


def provenance(book: Book) -> Context:
    """The list of all nodes."""
    rows = []
    for node in book.nodes.values():
        found = book.source.of(node)
        rows.append({"page": node_page(node), "name": node.name, "facts": found, "digest": found.digest(node)[:12]})
    return {
        "title": "Provenance",
        "nodes": rows,
        "sections": sections(book.texts["provenance"], "provenance", found=book.links),
    }


def picture(book: Book) -> Context:
    """The page of the DAG."""
    edges = pipeline.stage_edges(book.nodes)
    stages = []
    for stage, reads in edges.items():
        nodes = [{"page": node_page(node), "key": node.key, "stage": stage} for node in of_stage(book, stage)]
        stages.append({"name": stage, "reads": reads, "nodes": nodes})
    counts = {stage["name"]: len(stage["nodes"]) for stage in stages}
    return {"title": "Pipeline", "picture": Markup(dag.draw(edges, counts)), "stages": stages}


def of_stage(book: Book, stage: str) -> Iterator[Node]:
    """The nodes of one stage."""
    return (node for node in book.nodes.values() if node.stage == stage)


def node(book: Book, shown: Node) -> Context:
    """The page of one node."""
    found = book.source.of(shown)
    record = found.record or {}
    readers = [other for other in book.nodes.values() if shown in other.reads]
    holding = [entry for entry in entries(book) if any(cell.node == shown for cell in book.tables[entry["key"]])]
    return {
        "title": f"Node {shown.name}",
        "node": shown,
        "facts": details.facts_of(found),
        "reads": details.read_rows(book, shown),
        "writes": [_path_row(path, (found.outputs or {}).get(path, ""), "this node") for path in shown.outputs],
        "readers": [{"page": node_page(reader), "name": reader.name} for reader in readers],
        "tables": holding,
        "models": _models(record),
        "record": record,
        "sources": [_path_row(path, digest, "") for path, digest in record.get("sources", {}).items()],
        "params": yaml.safe_dump(record.get("params", {}), sort_keys=False, allow_unicode=True),
    }


def _path_row(path: str, digest: str, maker: str) -> dict[str, str]:
    return {"path": path, "digest": digest, "maker": maker, "page": ""}


def _models(record: dict[str, Any]) -> list[tuple[str, ...]]:
    """(model, origin, seed, device, hours) of every network that a node trained or imported."""
    cards = record.get("models") or ({"model": record["card"]} if record.get("card") else {})
    fields = ("origin", "seed", "device", "hours")
    return [(name, *(str(card.get(field, "-")) for field in fields)) for name, card in cards.items()]
