"""What is known of every node: its record if the build behind the reports is here, else what the reports keep of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.site.pipeline import Node
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.document import inline, store
from redenoise.document.model import NOTHING
from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from stages.report import records

Record = dict[str, Any]  # as the build has it; from the reports alone, without networks, and hashes are cut short
CHANGES = {True: "yes", False: "no", None: "unknown"}
# Columns of provenance.md, and facts of a page.
RUN = ("commit", "uncommitted changes", "device", "instructions", "mode", "seconds")


@dataclass(frozen=True)
class Source:
    """Where the facts come from.

    Attributes:
        records: by `<stage>-<key>`.
        why_not: why the build itself could not be used; empty if it was.
    """

    records: dict[str, Record]
    why_not: str

    def of(self, node: Node) -> Record:
        """The record of one node, empty if nothing is known of it."""
        return self.records.get(node.name, {})


def load(config: Config, nodes: dict[str, Node]) -> Source:
    """The facts of every node; raises `UserError` if the reports do not hold them, or a record is damaged."""
    kept = _from_reports(paths.reports(config.scale))
    if why_not := _why_not(config, nodes, kept):
        return Source(kept, why_not)
    found = {node.name: provenance.read(node.record) for node in nodes.values()}
    for record in found.values():
        record["uncommitted changes"] = CHANGES[record.get("uncommitted_changes")]
        record["seconds"] = f"{record['seconds']:.2f}"
    return Source(found, why_not)


def _why_not(config: Config, nodes: dict[str, Node], kept: dict[str, Record]) -> str:
    """Why the build is not the one that the reports were made from, or empty."""
    folder = paths.build(config.scale)
    if not Path(nodes["report"].record).is_file():
        return f"{folder} is not here or not finished"
    for node in nodes.values():
        if not Path(node.record).is_file():
            return f"{folder} lacks the provenance of {node.name}"
        written = {path: digest[: records.DIGITS] for path, digest in provenance.read(node.record)["outputs"].items()}
        # The reports themselves are not among what they were made from.
        if node.stage != "report" and written != kept.get(node.name, {}).get("outputs"):
            return f"{node.name} has run again since {paths.reports(config.scale)} was made"
    return ""


def _from_reports(folder: Path) -> dict[str, Record]:
    """What records.json keeps of every node, and the page of provenance of its run, where there is one."""
    path = folder / "provenance.json"
    runs = _runs(path) if path.exists() else {}
    path = folder / records.NAME
    kept = read_json(path, dict, ("format", "nodes", "values", "listings"))
    try:
        if kept["format"] != records.FORMAT:
            raise ValueError(f"format {kept['format']!r}, expected {records.FORMAT}")
        return {name: runs.get(name, {}) | _kept(node, kept) for name, node in kept["nodes"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not the records of the report ({error!r}); {store.AGAIN}") from None


def _runs(path: Path) -> dict[str, dict[str, str]]:
    """The table of nodes of a page of provenance."""
    tables = store.read(path).section("Nodes").tables
    if not tables:
        raise UserError(f"{path}: no table of nodes; {store.AGAIN}")
    runs = {}
    for row in tables[0].records():
        texts = {name: inline.plain(row.get(name, "")) for name in ("node", *RUN)}
        runs[texts.pop("node")] = {name: "" if text == NOTHING else text for name, text in texts.items()}
    return runs


def _kept(node: dict[str, Any], kept: dict[str, Any]) -> Record:
    """A node of records.json in the form of its record."""
    packages = dict(kept["values"][node["environment"]])
    known = {name: packages.pop(name) for name in ("python", "processor", "mode")}
    hashes = {"inputs": node["inputs"], "outputs": node["outputs"], "sources": kept["listings"][node["sources"]]}
    known |= {name: {path: str(digest) for path, digest in found.items()} for name, found in hashes.items()}
    params = {name: kept["values"][key] for name, key in node["params"].items()}
    return {**known, "params": params, "packages": packages}
