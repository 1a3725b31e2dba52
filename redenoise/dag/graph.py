"""The nodes of one scale: what each reads and writes, and which of them make what others read."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from redenoise.dag.code import determining
from redenoise.dag.config import PARAMS, Config
from redenoise.dag.table import BY_NAME, CONSTANT, filled
from redenoise.support.errors import UserError, choices


@dataclass(frozen=True)
class Node:
    """One node of the DAG.

    Attributes:
        stage, key: as in `Config.nodes`; the key is None for a stage of one node.
        command: what makes its outputs.
        inputs: files and folders that it reads, one of the tables' folders expanded to what lies in it.
        waits: those of its inputs that never change: other nodes have to end before, but are not followed.
        outputs: files and folders that it writes, its record left out.
        record: where it records what it was made from.
        begins: files of code, or folders of them, that determine what it writes with all that they import.
    """

    stage: str
    key: str | None
    command: str
    inputs: tuple[str, ...]
    waits: tuple[str, ...]
    outputs: tuple[str, ...]
    record: str
    begins: tuple[str, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """Files of code, and of data that belongs to it, that determine what it writes; see `code.determining`."""
        return determining(self.begins)

    @property
    def name(self) -> str:
        """As the file of its record is called."""
        return f"{self.stage}-{self.key}" if self.key else self.stage

    @property
    def title(self) -> str:
        """As messages call it."""
        return f"{self.stage} {self.key}" if self.key else self.stage


def node(config: Config, stage: str, key: str | None = None) -> Node:
    """One node; raises `UserError` if params.yaml has no such entry."""
    spec, context = BY_NAME[stage], config.context(stage, key)
    paths = [filled(template, context) for template in spec.reads]
    waits = tuple(path for path in paths if path.endswith(CONSTANT))
    inputs = [path for read in paths for path in ([read] if not read.endswith("/") else _inside(config, read, stage))]
    return Node(
        stage,
        key,
        filled(spec.command, context),
        tuple(dict.fromkeys(inputs)),
        waits,
        tuple(filled(template, context).rstrip("/") for template in spec.writes),
        filled(spec.record, context),
        (f"stages/{stage}/node.py", *(filled(template, context) for template in (*spec.models, *spec.code))),
    )


def _inside(config: Config, folder: str, stage: str) -> list[str]:
    """What other nodes write into a folder, records too, or the folder if it is one node's; outside build its files."""
    if not folder.startswith("build/"):  # no node writes there
        files = Path(folder).glob("*.*")
        return sorted(path.as_posix() for path in files if path.name != "README.md" and path.name[0] != ".")
    others = [path for path, (name, _) in config.written.items() if name != stage]
    found = [folder] if folder in others else [path for path in others if path.startswith(folder)]
    return [path.rstrip("/") for path in found]


def around(path: str) -> tuple[str, ...]:
    """A path, and the folders that it lies in, from the inside."""
    return (path, *(parent.as_posix() for parent in Path(path).parents))


def maker(config: Config, path: str) -> Node | None:
    """The node before the report that writes a path or the folder that it lies in, without the graph of all nodes."""
    written = (config.written.get(name) or config.written.get(f"{name}/") for name in around(path))
    return next((node(config, *found) for found in written if found), None)


class Graph:
    """All nodes, in an order in which every node comes after those that it reads from.

    Attributes:
        nodes: in that order.
        upstream: by name of a node, the names of those that it reads from and follows.

    Raises:
        UserError: the nodes read from each other in a circle.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        by_name = {found.name: found for found in nodes}
        self._makers = {path: found.name for found in by_name.values() for path in (*found.outputs, found.record)}
        before = {
            name: dict.fromkeys(filter(None, (self.maker(path) for path in found.inputs)))
            for name, found in by_name.items()
        }
        try:
            order = list(TopologicalSorter(before).static_order())
        except CycleError as error:
            raise UserError(f"{PARAMS}: {' <- '.join(error.args[1])} is a circle; break it") from None
        self.nodes = [by_name[name] for name in order]
        self.upstream = {
            name: tuple(other for other in before[name] if other not in map(self.maker, by_name[name].waits))
            for name in order
        }

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by their names."""
        return {found.name: found for found in self.nodes}

    def needed(self, targets: Iterable[str]) -> set[str]:
        """Names of the nodes of some targets, by name or by a path that they write, and of all that these wait for.

        Raises:
            UserError: no node has that name or writes that path.
        """
        left, found = [self._named(target) for target in targets], set[str]()
        while left:
            if (name := left.pop()) not in found:
                found.add(name)
                left += filter(None, map(self.maker, self.by_name[name].inputs))
        return found

    def _named(self, target: str) -> str:
        name = target if target in self.by_name else self.maker(Path(target).as_posix())
        if name is None:
            line = f"no node is called {target!r} or writes that path"
            known = [name for name in self.by_name if target in name] or self.by_name
            raise UserError(f"{line}; take an output's path, as for Snakemake, or a node; {choices(target, known)}")
        return name

    def maker(self, path: str) -> str | None:
        """Name of the node that writes a path or the folder that it lies in, None if no node does."""
        return next((self._makers[name] for name in around(path) if name in self._makers), None)


def load(config: Config) -> Graph:
    """The graph of one scale, the report included."""
    return Graph(node(config, stage, key) for stage, key in [*config.nodes(), ("report", None)])
