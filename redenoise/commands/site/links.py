"""Where the rows of the report's tables lead: to the table or to the node that their numbers come from."""

from redenoise.commands.site import cells
from redenoise.commands.site.pipeline import Node, NodeName
from redenoise.dag.config import Config
from stages.report.results import DEMO_PREFIX
from stages.report.tables import ALL_TABLES

Link = tuple[str, str]  # text and target
# Columns whose texts are keys of nodes, and the stages of these nodes.
KEYED = {
    "family": ("train",),
    "cascade": ("cascade",),
    "family or cascade": ("train", "cascade"),
    "task": ("task",),
}


class Links:
    """Finds the links of a row from its texts."""

    def __init__(self, config: Config, nodes: dict[NodeName, Node]) -> None:
        self._nodes = nodes
        self._makers = cells.makers(config, nodes)
        self._tables = {spec.key: table_page(spec.key) for spec in ALL_TABLES}

    def of(self, row: dict[str, str]) -> dict[str, list[Link]]:
        """The links that take the place of a row's texts, by column; a text may name several tables."""
        found = {}
        names = row.get("table", "").split(", ")
        pages = [self._tables.get(name.replace(" ", "/")) for name in names]
        if all(pages):
            found["table"] = list(zip(names, pages, strict=True))
        maker = self._makers.get((row.get("dataset", "").removeprefix(DEMO_PREFIX), row.get("method", "")))
        if maker:
            found["method"] = [(row["method"], node_page(maker))]
        for column, stages in KEYED.items():
            nodes = [self._nodes[stage, row[column]] for stage in stages if (stage, row.get(column)) in self._nodes]
            if nodes:
                found[column] = [(row[column], node_page(nodes[0]))]
        return found


def table_page(key: str) -> str:
    """The page of a table."""
    return f"{key.replace('/', '-')}.html"


def node_page(node: Node) -> str:
    """The page of a node."""
    return f"node-{node.name}.html"
