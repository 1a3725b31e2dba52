"""What keeps the outputs of a node from being those of today's inputs, and which nodes would run for that, and why.

A node's provenance is held against the checkout: what differs is in the node itself, or in a node upstream that
everything began with. The verdict goes by content, as DVC's does, and follows the DAG downstream as Snakemake does,
which makes a node again whenever one of its inputs is. (DVC goes on downstream only where the new input differs from
the old one.) Where the engines themselves disagree this is DVC's side: an output that was changed by hand is made
again, although Snakemake looks at its time only; a file that is newer but the same is no reason. Other versions of
packages are none for either engine; they are reported apart, since `redenoise record` refuses them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from redenoise.dag import provenance
from redenoise.dag.config import PARAMS, SCALES, Config
from redenoise.dag.graph import Graph, Node
from redenoise.dag.table import SECTIONS
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_path

SHOWN_VALUE = 40  # characters of a parameter's value
DAMAGED, MISSING = "is damaged", "is missing: the node has not been run, or its record was deleted"
ABSENT = "nothing"  # in place of the value of a parameter that is new or gone


class Difference(NamedTuple):
    """One fact.

    Attributes:
        kind: `record` (no usable provenance), `parameter`, `source`, `package`, `input` or `output`.
        name: the path of a file or folder, a package, or a parameter as a user finds it.
        state: what is the matter with it, such as `is missing`.
    """

    kind: str
    name: str
    state: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.state}"


@dataclass
class Checkout:
    """What several nodes are held against; each file is hashed once.

    Attributes:
        config: the configuration.
        hashes: SHA-256 of every path asked for so far; None for one that is missing.
        hashed: of every file of code asked for so far.
    """

    config: Config
    hashes: dict[str, str | None] = field(default_factory=dict)
    hashed: dict[str, str] = field(default_factory=dict)

    def hash(self, name: str) -> str | None:
        """SHA-256 of a file or folder, None if there is none."""
        if name not in self.hashes:
            self.hashes[name] = sha256_path(name) if Path(name).exists() else None
        return self.hashes[name]

    def code(self, node: Node) -> dict[str, str]:
        """SHA-256 of each file of a node's code as it is today."""
        self.hashed |= provenance.hash_code(name for name in node.code if name not in self.hashed)
        return {name: self.hashed[name] for name in node.code}


def differences(checkout: Checkout, node: Node) -> list[Difference]:
    """Everything in which the record of one node differs from today; empty for a node that is up to date."""
    config, path = checkout.config, Path(node.record)
    try:
        record = provenance.read(path)
    except UserError:
        return [Difference("record", path.as_posix(), DAMAGED if path.exists() else MISSING)]
    found = [*_parameters(config, node.stage, node.key, record["params"])]
    states = file_states(record["sources"], checkout.code(node))
    found += [Difference("source", file, state) for file, state in states]
    packages = provenance.package_versions()
    for name in sorted(set(record["packages"]) | set(packages)):
        before, after = record["packages"].get(name, ABSENT), packages.get(name, ABSENT)
        if before != after:
            found.append(Difference("package", name, f"is {after}, was {before}"))
    for kind in ("input", "output"):
        for name, value in record[f"{kind}s"].items():
            if checkout.hash(name) != value:
                state = "is missing" if checkout.hash(name) is None else "has changed"
                found.append(Difference(kind, name, state))
    return found


def _parameters(config: Config, stage: str, key: str | None, before: Any) -> Iterator[Difference]:
    """Each parameter, down to single values, that differs from the recorded ones."""
    after = as_json(config.node_params(stage, key))
    for name, old, new in leaves("", before, after):
        yield Difference("parameter", place(config, stage, key, name), f"is {shown(new)}, was {shown(old)}")


def leaves(name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, old and new value wherever two trees of dicts differ; `ABSENT` where one has nothing."""
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield name, before, after
        return
    for part in sorted(set(before) | set(after)):
        yield from leaves(f"{name}/{part}" if name else part, before.get(part, ABSENT), after.get(part, ABSENT))


def place(config: Config, stage: str, key: str | None, name: str) -> str:
    """Where a user finds a parameter that `Config.node_params` names."""
    first, _, rest = name.partition("/")
    if first.startswith("scale."):
        found = f"{SCALES / config.scale}.yaml: {first.removeprefix('scale.')}"
    elif first == "entry":
        found = f"{PARAMS}: {SECTIONS[stage]}.{key}"
    elif first == "miniature":
        found = f"{PARAMS}: miniatures.{config.entry(stage, str(key))['network']['name']}"
    elif first == "download":
        found = f"{PARAMS}: downloads.{config.entry(stage, str(key)).get('dataset', key)}"
    else:
        found = f"{PARAMS}: {first}"
    return f"{found}.{rest.replace('/', '.')}" if rest else found


def shown(value: Any) -> str:
    """A parameter's value, cut short."""
    text = value if value is ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE else f"{text[: SHOWN_VALUE - 1]}…"


def file_states(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each file whose hash differs between two nodes' code, and what became of it."""
    for file in sorted(set(old) | set(new)):
        if old.get(file) != new.get(file):
            yield file, "is gone" if file not in new else "is new" if file not in old else "has changed"


def as_json(value: object) -> object:
    """What `value` reads as after a round trip through JSON, the form that provenance keeps."""
    return json.loads(json.dumps(value))


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
