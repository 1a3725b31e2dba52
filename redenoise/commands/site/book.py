"""Everything that the pages of the site are made from, read and checked."""

import posixpath
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from redenoise.commands.latex import cells
from redenoise.commands.opinion import report as opinion
from redenoise.commands.site import facts, pipeline
from redenoise.commands.site.facts import Source
from redenoise.commands.site.pipeline import Node
from redenoise.commands.site.texts import Writer, page_of
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document import store
from redenoise.document.model import Document, Place
from redenoise.support import csv_tables
from stages.report import TABLE_SUFFIXES, gallery, reading
from stages.report.tables import ALL_TABLES

TEXTS = ("overview", "photographs", "training", "figures", "notes")  # documents that are no table's
DATA = ("averages.csv", "restored.csv", "accuracies.csv", *gallery.DATA, "metrics.json")
PICTURES = tuple(f"figures/{name}" for name in gallery.MADE)


@dataclass(frozen=True)
class Book:
    """Everything that the pages are made from; `documents` are the report's own, by name."""

    config: Config
    nodes: dict[str, Node]
    source: Source
    documents: dict[str, Document]

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every file of the reports and of the build that the site takes as it is, by its path on the site."""
        reports = paths.reports(self.config.scale)
        tables = [f"{spec.key}{suffix}" for spec in ALL_TABLES for suffix in TABLE_SUFFIXES if suffix != ".md"]
        found = {f"data/{name}": reports / name for name in (*DATA, *tables)}
        found |= {name: reports / name for name in PICTURES}
        for folder, kind in (("data/", "csv"), ("", "svg")):
            path = opinion.file(self.config.scale, kind)
            found[f"{folder}{path.name}"] = path
        if not self.source.why_not:
            for node in self.nodes.values():
                found[f"data/provenance/{node.name}.json"] = Path(node.record)
        return {name: path for name, path in found.items() if path.is_file() and not path.is_symlink()}

    @cached_property
    def places(self) -> dict[Place, str]:
        """Where the window of every value of a table is."""
        return {
            value.place: f"{page_of(spec.key)}#cell-{index}"
            for spec in ALL_TABLES
            for index, value in enumerate(self.documents[spec.key].values)
        }

    def writer(self, name: str) -> Writer:
        """What writes the texts of a document."""
        nodes = {node.name: node.page for node in self.nodes.values()}
        return Writer(self.documents, self.files, nodes, posixpath.dirname(name))


def load(config: Config) -> Book:
    """Read everything; raises `UserError` where the reports of the scale are not there or not as they are written."""
    nodes, folder = pipeline.load(config), paths.reports(config.scale)
    documents = {spec.key: reading.read(folder, spec.key) for spec in ALL_TABLES}
    documents |= {name: store.read(folder / f"{name}.json") for name in TEXTS}
    cells.load(folder)  # what a page says and what the CSV file beside it says are one
    for name in gallery.DATA:
        csv_tables.read(folder / name, (), store.AGAIN, others=True)
    # No stage writes that of the opinion test; that of the provenance is not kept where all machines give the same.
    others = {"opinion": opinion.file(config.scale, "json"), "provenance": folder / "provenance.json"}
    documents |= {name: store.read(page) for name, page in others.items() if page.is_file()}
    return Book(config, nodes, facts.load(config, nodes), documents)
