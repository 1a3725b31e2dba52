"""The nodes of the DAG with their commands and what they read from each other."""

from dataclasses import dataclass, field

from redenoise.dag import graph
from redenoise.dag.config import Config

RECORDS = "/provenance/"  # read by the report alone, and from every node: no edge of the picture


@dataclass(frozen=True)
class Node(graph.Node):
    """One node of the DAG; `reads`: nodes whose outputs it reads."""

    reads: tuple["Node", ...] = field(repr=False)

    @property
    def page(self) -> str:
        """Its page on the site."""
        return f"node-{self.name}.html"


def load(config: Config) -> dict[str, Node]:
    """Every node of one scale by its name, producers first; raises `UserError` if they are no DAG."""
    found = graph.load(config)
    nodes: dict[str, Node] = {}
    for node in found.nodes:
        names = dict.fromkeys(found.maker(path) for path in node.inputs if RECORDS not in path)
        reads = tuple(nodes[name] for name in names if name)
        nodes[node.name] = Node(**vars(node), reads=reads)
    return nodes


def stage_edges(nodes: dict[str, Node]) -> dict[str, list[str]]:
    """Stage to the stages that it reads from, those left out that it reads from through others; no loops."""
    direct: dict[str, set[str]] = {}
    for node in nodes.values():
        direct.setdefault(node.stage, set()).update({other.stage for other in node.reads} - {node.stage})

    def reached(stage: str) -> set[str]:
        return direct[stage].union(*map(reached, direct[stage]))

    return {
        stage: [other for other in direct if other in read and not any(other in reached(one) for one in read)]
        for stage, read in direct.items()
    }
