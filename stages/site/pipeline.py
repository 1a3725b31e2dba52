"""The nodes of the DAG with their commands and what they read from each other, from dvc.yaml."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.common.config import Config, read_yaml
from stages.common.errors import UserError

DVC_FILE = Path("dvc.yaml")
REFERENCE = re.compile(r"\$\{([\w.]+)\}")
OUTPUTS = ("outs", "metrics", "plots")
RECORDS = "/provenance/"  # read by the report alone, and from every node: no edge of the picture

NodeName = tuple[str, str | None]  # stage and key; some stages have one node without a key


@dataclass(frozen=True)
class Node:
    """One node of the DAG.

    Attributes:
        stage, key: its name; the key is None in stages of one node.
        command: what makes its outputs.
        reads: nodes whose outputs it reads, in the order of dvc.yaml.
        outputs: paths of what it writes, without its provenance.
    """

    stage: str
    key: str | None
    command: str
    reads: tuple["Node", ...] = field(repr=False)
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """`<stage>-<key>`, as its provenance is called."""
        return f"{self.stage}-{self.key}" if self.key else self.stage


def load(config: Config) -> dict[NodeName, Node]:
    """Every node of one scale, producers first; raises `UserError` if dvc.yaml does not describe a DAG."""
    described = {name: (command, deps, outs) for name, command, deps, outs in _described(config)}
    makers = {path: name for name, (_, _, outs) in described.items() for path in outs}
    nodes: dict[NodeName, Node] = {}

    def visit(name: NodeName, above: tuple[NodeName, ...]) -> Node:
        if name in above:
            raise UserError(f"{DVC_FILE}: {name[0]} depends on itself through {above[-1][0]}; correct its deps")
        if name not in nodes:
            command, deps, outs = described[name]
            read = dict.fromkeys(makers[path] for path in deps if path in makers and RECORDS not in path)
            reads = tuple(visit(other, (*above, name)) for other in read)
            nodes[name] = Node(*name, command, reads, tuple(path for path in outs if RECORDS not in path))
        return nodes[name]

    for name in described:
        visit(name, ())
    return nodes


def stage_edges(nodes: dict[NodeName, Node]) -> dict[str, list[str]]:
    """Stage to the stages that it reads from, those left out that it reads from through others; no loops."""
    direct: dict[str, set[str]] = {stage: set() for stage, _ in nodes}
    for node in nodes.values():
        direct[node.stage] |= {other.stage for other in node.reads} - {node.stage}

    def reached(stage: str) -> set[str]:
        found, waiting = set(), list(direct[stage])
        while waiting:
            other = waiting.pop()
            waiting += direct[other] - found
            found |= direct[other] | {other}
        return found

    return {
        stage: [other for other in direct if other in found and not any(other in reached(one) for one in found)]
        for stage, found in direct.items()
    }


def _described(config: Config) -> Iterator[tuple[NodeName, str, list[str], list[str]]]:
    """(stage, key), command, deps and outs of every node, references filled in."""
    try:
        for name, entry in read_yaml(DVC_FILE)["stages"].items():
            if "foreach" not in entry:
                yield (name, None), *_filled(entry, {"scale": config.scale})
                continue
            section = REFERENCE.fullmatch(entry["foreach"])[1]
            for key, item in config.params[section].items():
                yield (name, key), *_filled(entry["do"], {"scale": config.scale, "key": key, "item": item})
    except (KeyError, TypeError, AttributeError) as error:
        line = f"{DVC_FILE}: not understood ({type(error).__name__} {error})"
        raise UserError(f"{line}; expected stages with cmd, deps and outs as DVC reads them; restore it") from None


def _filled(entry: dict, values: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    def value(match: re.Match) -> str:
        found: Any = values
        for part in match[1].split("."):
            found = found[part]
        return str(found)

    # An output may carry options, as a mapping of one key.
    outs = [next(iter(out)) if isinstance(out, dict) else out for kind in OUTPUTS for out in entry.get(kind, [])]
    command, *lists = entry["cmd"], entry.get("deps", []), outs
    return REFERENCE.sub(value, command), *([REFERENCE.sub(value, text) for text in texts] for texts in lists)
