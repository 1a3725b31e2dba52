"""The provenance page: commit, packages, devices and durations. The only report that two equal runs may differ in."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.document.model import ASIDE, NOTHING, Cell, Document, Paragraph, Section, Table, table
from stages.report.weights import Records, trained

COMMIT_LENGTH = 12
OPENING = "Two equal runs may differ in this file only. The other reports hold no times and no commits."
TRAINING = "Of the weights that were released: the training that they come from."
NODES = "Nodes"  # the section with one line for each node
NODE_COLUMNS = ("node", "commit", "uncommitted changes", "device", "instructions", "mode", "seconds")


def load(config: Config) -> Records:
    """The provenance of every node before the report, by `<stage>-<key>`; raises `UserError` if one is missing."""
    found = {}
    for stage, key in config.nodes():
        path = paths.provenance(config.scale, stage, key)
        found[path.stem] = provenance.read(path)
    return found


def so_far(config: Config) -> Records:
    """The same of the nodes that have run."""
    places = (paths.provenance(config.scale, stage, key) for stage, key in config.nodes())
    return {path.stem: provenance.read(path) for path in places if path.exists()}


def document(config: Config, own: dict[str, Any], records: Records) -> Document:
    """The page.

    Args:
        config: the configuration.
        own: the report's own record, as far as it goes.
        records: those of all other nodes, see `load`.
    """
    nodes = {**records, "report": own}
    columns = ("family or cascade", "model", "steps", "mode", "device", "hours")
    training = table(columns, _training(config, records), numbers=("hours",))
    sections = (
        Section("", (Paragraph(OPENING),)),
        Section("Time by stage", (_stages(records),)),
        Section("Training", (Paragraph(TRAINING), training)),
        Section("Packages", (_packages(nodes),)),
        Section(NODES, (table(NODE_COLUMNS, _nodes(nodes), numbers=("seconds",)), *_without_commit(nodes))),
    )
    return Document("provenance", "Provenance", sections)


def instructions(record: dict[str, Any]) -> str:
    """What a node computed with, as far as results depend on it; records from before this was pinned do not say."""
    return record.get("instructions", "not recorded")


def instructions_of(records: Iterable[dict[str, Any]]) -> str:
    """The same of several nodes, for people."""
    kept = [record.get("instructions", "") for record in records]
    return "; ".join(sorted(filter(None, set(kept))) + (["not known of older records"] if "" in kept else []))


def _without_commit(nodes: Records) -> Iterator[Paragraph]:
    """Why nodes have no commit, as git said it."""
    for reason, count in Counter(filter(None, (record.get("no_commit") for record in nodes.values()))).items():
        yield Paragraph(f"No commit of {count} nodes: {reason}", ASIDE)


def _stages(records: Records) -> Table:
    seconds: dict[str, list[float]] = defaultdict(list)
    for record in records.values():
        seconds[record["stage"]].append(record["seconds"])
    rows = [(stage, len(times), f"{sum(times):.1f}") for stage, times in seconds.items()]
    rows.append(("all", len(records), f"{sum(map(sum, seconds.values())):.1f}"))
    return table(("stage", "nodes", "seconds of work"), rows, numbers=("nodes", "seconds of work"))


def _packages(nodes: Records) -> Table:
    """Versions of Python and of each package; more than one if nodes were run in different environments."""
    versions: dict[str, set[str]] = defaultdict(set)
    for record in nodes.values():
        for name, version in {"python": record["python"], **record["packages"]}.items():
            versions[name].add(version)
    return table(("package", "version"), [(name, ", ".join(sorted(found))) for name, found in sorted(versions.items())])


def _training(config: Config, records: Records) -> Iterator[tuple[Cell | str, ...]]:
    for stage in ("train", "cascade"):
        for network in trained(config, records, stage):
            card, name = network.card, Cell(network.family, node=f"{stage}-{network.family}")
            if network.imported:
                continue
            steps = f"{card['steps_done']:,} of {card['steps']:,}"
            yield name, network.model, steps, card["mode"], card["device"], f"{card['hours']:.3f}"


def _nodes(nodes: Records) -> Iterator[tuple[Cell | str, ...]]:
    for name, record in nodes.items():
        commit = (record["commit"] or "unknown")[:COMMIT_LENGTH]
        changes = {True: "yes", False: "no", None: "unknown"}[record["uncommitted_changes"]]
        seconds = f"{record['seconds']:.2f}" if "seconds" in record else NOTHING
        yield Cell(name, node=name), commit, changes, record["device"], instructions(record), record["mode"], seconds
