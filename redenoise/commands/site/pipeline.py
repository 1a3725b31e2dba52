"""The nodes of the DAG with their commands and what they read from each other."""

from dataclasses import dataclass, field

from redenoise.dag import graph
from redenoise.dag.config import Config

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
    described = graph.read(config)
    maker, by_name = graph.Graph(described).maker, {node.name: node for node in described}
    nodes: dict[NodeName, Node] = {}

    def visit(found: graph.Node) -> Node:
        place = found.stage, found.key
        if place not in nodes:
            names = dict.fromkeys(maker(path) for path in found.inputs if RECORDS not in path)
            reads = tuple(visit(by_name[name]) for name in names if name)
            outputs = tuple(path for path in found.outputs if RECORDS not in path)
            nodes[place] = Node(*place, found.command, reads, outputs)
        return nodes[place]

    for node in described:
        visit(node)
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
