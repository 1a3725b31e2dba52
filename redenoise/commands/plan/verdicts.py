"""Which nodes would run, and why: what differs in a node itself, or the node upstream that everything began with.

The verdict goes by content, as DVC's does, and follows the DAG downstream as Snakemake does, which makes a node again
whenever one of its inputs is. (DVC goes on downstream only where the new input differs from the old one.) Where the
engines themselves disagree this is DVC's side: an output that was changed by hand is made again, although Snakemake
looks at its time only; a file that is newer but the same is no reason. Other versions of packages are none for either
engine; they are reported apart, since `redenoise record` refuses them.
"""

from dataclasses import dataclass

from redenoise.commands.plan.differences import Checkout, Difference, differences
from redenoise.dag.config import Config
from redenoise.dag.graph import Graph, Node


@dataclass(frozen=True)
class Verdict:
    """What is to be done about one node.

    Attributes:
        node: the node.
        causes: what differs in the node itself.
        upstream: names of the nodes that would run and whose outputs it reads.
        root: of the first of these, or of the first node before it, the one with a cause of its own; None without.
        packages: packages whose versions differ from those of the last run.
    """

    node: Node
    causes: tuple[Difference, ...] = ()
    upstream: tuple[str, ...] = ()
    root: str | None = None
    packages: tuple[Difference, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the node would run."""
        return bool(self.causes or self.upstream)


def judge(config: Config, graph: Graph) -> dict[str, Verdict]:
    """The verdict on every node by name, in the order of the graph."""
    checkout = Checkout(config)
    found: dict[str, Verdict] = {}
    for node in graph.nodes:
        upstream = tuple(name for name in graph.upstream[node.name] if found[name].runs)
        facts = differences(checkout, node)
        # An input that is made anew anyway is no cause: what its maker lacks is.
        anew = [fact for fact in facts if fact.kind == "input" and graph.maker(fact.name) in upstream]
        causes = tuple(fact for fact in facts if fact.kind != "package" and fact not in anew)
        root = found[upstream[0]].root or upstream[0] if upstream and not causes else None
        packages = tuple(fact for fact in facts if fact.kind == "package")
        found[node.name] = Verdict(node, causes, upstream, root, packages)
    return found
