"""What is known of every node: from its provenance if the build behind the reports is here, else from the reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.site import prose
from redenoise.commands.site.pipeline import Node, NodeName
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_file
from stages.report import TABLE_SUFFIXES
from stages.report.tables import ALL_TABLES

DIFFERING = "provenance.md"  # the one report that two equal runs may differ in
CHANGES = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True)
class Facts:
    """What is known of one run of a node; empty texts where nothing is.

    Attributes:
        outputs: path to SHA-256, the whole of it or, from the reports, its first digits.
        record: its whole provenance, or empty.
    """

    commit: str = ""
    changes: str = ""
    device: str = ""
    mode: str = ""
    seconds: str = ""
    outputs: dict[str, str] | None = None
    record: dict[str, Any] | None = None

    def digest(self, node: Node) -> str:
        """SHA-256 of the node's first output, or why it has none, or empty."""
        found = self.outputs or {}
        return next((found[path] for path in node.outputs if path in found), "")


@dataclass(frozen=True)
class Source:
    """Where the facts come from.

    Attributes:
        facts: by `<stage>-<key>`.
        why_not: why the build itself could not be used; empty if it was.
    """

    facts: dict[str, Facts]
    why_not: str

    def of(self, node: Node) -> Facts:
        """The facts of one node."""
        return self.facts.get(node.name, Facts())


def load(config: Config, nodes: dict[NodeName, Node]) -> Source:
    """The facts of every node; raises `UserError` if neither the build nor the reports hold them."""
    why_not = _why_not(config, nodes)
    if why_not:
        return Source(_from_reports(paths.reports(config.scale)), why_not)
    return Source({node.name: _from_record(config, node) for node in nodes.values()}, "")


def _why_not(config: Config, nodes: dict[NodeName, Node]) -> str:
    """Why the build is not the one that the reports were made from, or empty."""
    folder = paths.build(config.scale)
    last = paths.provenance(config.scale, "report")
    if not last.is_file():
        return f"{folder} is not here or not finished"
    missing = [node.name for node in nodes.values() if not _path(config, node).is_file()]
    if missing:
        return f"{folder} lacks the provenance of {missing[0]}"
    outputs = read_json(last).get("outputs", {})
    tables = [f"{spec.key}{suffix}" for spec in ALL_TABLES for suffix in TABLE_SUFFIXES]
    for name in (*tables, "overview.md", "notes.md"):
        path = paths.reports(config.scale) / name
        if not path.is_file() or outputs.get(path.as_posix()) != sha256_file(path):
            return f"{folder} is not what {path} was made from"
    return ""


def _path(config: Config, node: Node) -> Path:
    return paths.provenance(config.scale, node.stage, node.key)


def _from_record(config: Config, node: Node) -> Facts:
    record = provenance.read(_path(config, node))
    return Facts(
        commit=record.get("commit") or "",
        changes=CHANGES[record.get("uncommitted_changes")],
        device=record["device"],
        mode=record["mode"],
        seconds=f"{record['seconds']:.2f}",
        outputs=record["outputs"],
        record=record,
    )


def _from_reports(folder: Path) -> dict[str, Facts]:
    """The facts that provenance.md and overview.md hold: no inputs, no parameters, hashes cut short."""
    tables = prose.read(folder / DIFFERING).find("Nodes").tables
    if not tables:
        raise UserError(f"{folder / DIFFERING}: no table of nodes; run `python -m stages.report` again")
    digests: dict[str, dict[str, str]] = {}
    for table in prose.read(folder / "overview.md").find("Data and weights").tables:
        for row in table:
            digests.setdefault(row.get("node", ""), {})[row.get("output", "")] = row.get("sha256", "")
    return {
        row["node"]: Facts(
            row.get("commit", ""),
            row.get("uncommitted changes", ""),
            row.get("device", ""),
            row.get("mode", ""),
            row.get("seconds", ""),
            digests.get(row["node"]),
        )
        for row in tables[0]
    }
