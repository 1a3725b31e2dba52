"""The DAG as dvc.yaml describes it, read without DVC: every node with the files that it reads and writes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from redenoise.dag.config import Config, read_yaml
from redenoise.dag.provenance import sources
from redenoise.support.errors import UserError

DVC_FILE = Path("dvc.yaml")
FIELD = re.compile(r"\$\{([^}]+)\}")
WRITTEN = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Node:
    """One node of the DAG.

    Attributes:
        stage, key: as in `Config.nodes`; the key is None for a stage of one node.
        command: what makes its outputs.
        inputs: data that it reads, its code left out; its parameters are `Config.node_params`.
        outputs: files and folders that it writes, its provenance among them.
    """

    stage: str
    key: str | None
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """As the file of its provenance is called."""
        return f"{self.stage}-{self.key}" if self.key else self.stage


class Graph:
    """All nodes, in an order in which every node comes after those that it reads from.

    Attributes:
        nodes: in that order.
        upstream: by name of a node, the names of those that it reads from.

    Raises:
        UserError: the nodes read from each other in a circle.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        by_name = {node.name: node for node in nodes}
        self._makers = {path: node.name for node in by_name.values() for path in node.outputs}
        upstream = {
            name: dict.fromkeys(filter(None, (self.maker(path) for path in node.inputs)))
            for name, node in by_name.items()
        }
        try:
            order = list(TopologicalSorter(upstream).static_order())
        except CycleError as error:
            raise UserError(f"{DVC_FILE}: {' <- '.join(error.args[1])} is a circle; break it") from None
        self.nodes = [by_name[name] for name in order]
        self.upstream = {name: tuple(upstream[name]) for name in order}

    def maker(self, path: str) -> str | None:
        """Name of the node that writes a path or the folder that it lies in, None if no node does."""
        around = (path, *(parent.as_posix() for parent in Path(path).parents))
        return next((self._makers[name] for name in around if name in self._makers), None)


def load(config: Config, root: Path = Path()) -> Graph:
    """The graph of one scale of the project in the folder `root`; raises `UserError`, see `read` and `Graph`."""
    return Graph(read(config, root))


def read(config: Config, root: Path = Path()) -> list[Node]:
    """Every node of one scale, in the order of the dvc.yaml in the folder `root`.

    Raises:
        UserError: dvc.yaml is missing, is no YAML, or is not built as this project's is; the line names the stage.
    """
    description = read_yaml(root / DVC_FILE)
    if not isinstance(description, dict) or not isinstance(description.get("stages"), dict):
        raise UserError(f"{DVC_FILE}: found no mapping `stages`, expected one entry for each stage; restore the file")
    nodes = []
    for stage, body in description["stages"].items():
        try:
            nodes += _nodes(config, stage, body)
        except (KeyError, TypeError, AttributeError) as error:
            line = f"{DVC_FILE}: stages.{stage} cannot be read ({type(error).__name__}: {error})"
            raise UserError(f"{line}; expected cmd, deps and outs, or foreach and do; correct it") from None
    return nodes


def _nodes(config: Config, stage: str, body: dict[str, Any]) -> list[Node]:
    """The nodes of one entry of `stages`: one, or one for each item that it iterates over."""
    if "foreach" not in body:
        return [_node(config, stage, None, None, body)]
    items = _lookup(FIELD.fullmatch(body["foreach"])[1], config.params)
    return [_node(config, stage, key, item, body["do"]) for key, item in items.items()]


def _node(config: Config, stage: str, key: str | None, item: Any, body: dict[str, Any]) -> Node:
    context = {**config.params, "key": key, "item": item}

    def filled(text: str) -> str:
        return FIELD.sub(lambda match: str(_lookup(match[1], context)), text)

    deps, outs = (
        [filled(_path(entry)) for kind in kinds for entry in body.get(kind) or []] for kinds in (("deps",), WRITTEN)
    )
    code = sources(stage, config.network(stage, key))
    return Node(stage, key, filled(body["cmd"]), tuple(path for path in deps if path not in code), tuple(outs))


def _path(entry: str | dict[str, Any]) -> str:
    """The path of an entry of `deps` or `outs`, which may carry options."""
    return entry if isinstance(entry, str) else next(iter(entry))


def _lookup(name: str, context: dict[str, Any]) -> Any:
    value: Any = context
    for part in name.strip().split("."):
        value = value[part]
    return value
