"""The table of stages in the words of Snakemake."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from redenoise.dag import graph, provenance
from redenoise.dag.config import Config
from redenoise.dag.table import BUILD, BY_NAME, filled
from redenoise.support.files import sha256_bytes


class Cutting(Protocol):
    """Says which shards nodes are cut into."""

    def markers(self, stage: str, key: str) -> list[str]:
        """Files that say that the shards of a node have ended; none for a node that is not cut."""


class Rules:
    """Inputs, outputs and commands of the rules at one scale; the wildcard `key` is a node's name.

    Args:
        cutting: cuts nodes into shards.
        pages: every file of the report.
    """

    def __init__(self, config: Config, cutting: Cutting, pages: Iterable[Path]) -> None:
        self.config, self.pages = config, list(pages)
        self._nodes: dict[tuple[str, str | None], graph.Node] = {}
        self._depends: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._hashes: dict[str, str] = {}  # of files of code
        measured = [(name, key) for name, stage in BY_NAME.items() if stage.sharded for key in config.keys(name)]
        self._markers = {place: cutting.markers(*place) for place in measured}

    def node(self, stage: str, key: str | None = None) -> graph.Node:
        """A node, looked up once."""
        if (stage, key) not in self._nodes:
            self._nodes[stage, key] = graph.node(self.config, stage, key)
        return self._nodes[stage, key]

    def reads(self, stage: str) -> Callable[[Any], list[str]]:
        """Data that a node reads, but for what it only waits for."""

        def inputs(wildcards: Any) -> list[str]:
            node = self.node(stage, getattr(wildcards, "key", None))
            return [path for path in node.inputs if path not in node.waits]

        return inputs

    def waits(self, stage: str) -> Callable[[Any], list[str]]:
        """What a node waits for and does not follow; to be marked `ancient`."""
        return lambda wildcards: list(self.node(stage, wildcards.key).waits)

    def shards(self, stage: str) -> Callable[[Any], list[str]]:
        """Markers of the shards that a node gathers."""
        return lambda wildcards: self._markers[stage, wildcards.key]

    def writes(self, stage: str) -> list[str]:
        """Files that a node writes, its record among them."""
        spec = BY_NAME[stage]
        return [self._pattern(path) for path in (*spec.writes, spec.record) if not path.endswith("/")]

    def folders(self, stage: str) -> list[str]:
        """Folders that a node writes; to be marked `directory`."""
        return [self._pattern(path).rstrip("/") for path in BY_NAME[stage].writes if path.endswith("/")]

    def marker(self, stage: str) -> str:
        """Marker of a shard; wildcards `key`, `i` and `n`."""
        return self._pattern(f"{BUILD}/shards/{stage}-${{key}}/{{i}}-of-{{n}}.json")

    def params(self, stage: str) -> Callable[[Any], dict]:
        """All of the configuration that a node's result depends on and a hash of its code, as one sorted dict.

        Snakemake compares the values of params without their names. As inputs, the files of the code of a thousand
        shards would take it seconds to look at, and their times would count.
        """
        return lambda wildcards: self._params(stage, getattr(wildcards, "key", None))

    def _params(self, stage: str, key: str | None) -> dict[str, Any]:
        if (stage, key) not in self._depends:
            files = self.node(stage, key).code
            self._hashes |= provenance.hash_code(name for name in files if name not in self._hashes)
            digest = sha256_bytes(repr([(name, self._hashes[name]) for name in files]).encode())
            self._depends[stage, key] = {"code": digest, **self.config.node_params(stage, key)}
        return self._depends[stage, key]

    def keys(self, stage: str) -> str:
        """Regular expression of the names of a stage's nodes."""
        return "|".join(self.config.keys(stage))

    def log(self, stage: str) -> str:
        """Log of a node."""
        return self._pattern(f"{BUILD}/logs/{stage}{'-${key}' if BY_NAME[stage].section else ''}.log")

    def shard_log(self, stage: str) -> str:
        """Log of a shard."""
        return self._pattern(f"{BUILD}/logs/{stage}-${{key}}-{{i}}-of-{{n}}.log")

    def command(self, stage: str) -> str:
        """The command of a node."""
        pattern = filled(BY_NAME[stage].command, {"scale": self.config.scale, "key": "{wildcards.key}"})
        return f"{pattern} > {{log}} 2>&1"

    def shard_command(self, stage: str) -> str:
        """The command of a shard."""
        return self.command(stage).replace(" > ", " --shard {wildcards.i}/{wildcards.n} > ")

    def report(self, *patterns: str) -> list[str]:
        """Files of the report that fit one of some patterns, such as `figures/*.svg`."""
        return [path.as_posix() for path in self.pages if any(map(path.match, patterns))]

    def other_pages(self, *patterns: str) -> list[str]:
        """Files of the report that fit none of some patterns."""
        return [path.as_posix() for path in self.pages if not any(map(path.match, patterns))]

    def all(self) -> list[str]:
        """Everything that the nodes before the report write."""
        nodes = [self.node(stage, key) for stage, key in self.config.nodes()]
        return [path for node in nodes for path in (*node.outputs, node.record)]

    def _pattern(self, template: str) -> str:
        return filled(template, {"scale": self.config.scale, "key": "{key}"})


def pass_over_ancient() -> None:
    """Have Snakemake look for reasons of its own in a job that only waits for one that runs.

    Snakemake (9.27) looks at no reason of a job behind another that runs, since the outputs of that one will make it
    run; but where they are all `ancient` they do not, and a training with changed parameters would be left out.
    """
    from snakemake.dag import DAG

    original = DAG.bfs

    def bfs(self: Any, direction: Any, *jobs: Any, stop: Callable[[Any], bool] = lambda job: False) -> Iterator[Any]:
        if direction is not self.depending or len(jobs) != 1:
            yield from original(self, direction, *jobs, stop=stop)
            return
        waiting, seen = list(jobs), set(jobs)
        while waiting:
            job = waiting.pop(0)
            yield job
            for other, files in direction[job].items():
                if other not in seen and not all(file.is_ancient for file in files):
                    seen.add(other)
                    waiting.append(other)

    if original.__name__ == "bfs" and original.__module__ == DAG.__module__:
        DAG.bfs = bfs
