"""The provenance page: commit, packages, devices and durations. The only report that two equal runs may differ in."""

from collections import defaultdict
from typing import Any

import pandas as pd

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from stages.report.markdown import GENERATED, frame_table
from stages.report.weights import Records, trained

COMMIT_LENGTH = 12


def load(config: Config) -> Records:
    """The provenance of every node before the report, by `<stage>-<key>`; raises `UserError` if one is missing."""
    found = {}
    for stage, key in config.nodes():
        path = paths.provenance(config.scale, stage, key)
        found[path.stem] = provenance.read(path)
    return found


def render(config: Config, own: dict[str, Any], records: Records) -> str:
    """The page as Markdown.

    Args:
        config: the configuration.
        own: the report's own record, as far as it goes.
        records: those of all other nodes, see `load`.
    """
    nodes = {**records, "report": own}
    parts = ["# Provenance", GENERATED]
    parts.append("Two equal runs may differ in this file only. The other reports hold no times and no commits.")
    parts += ["## Time by stage", frame_table(_stages(records), numbers=("nodes", "seconds of work"))]
    parts += ["## Training", "Of the weights that were released: the training that they come from."]
    parts.append(frame_table(_training(config, records), numbers=("hours",)))
    parts += ["## Packages", frame_table(_packages(nodes))]
    parts += ["## Nodes", frame_table(_nodes(nodes), numbers=("seconds",))]
    return "\n\n".join(parts) + "\n"


def _stages(records: Records) -> pd.DataFrame:
    seconds: dict[str, list[float]] = defaultdict(list)
    for record in records.values():
        seconds[record["stage"]].append(record["seconds"])
    rows = [(stage, str(len(times)), f"{sum(times):.1f}") for stage, times in seconds.items()]
    rows.append(("all", str(len(records)), f"{sum(map(sum, seconds.values())):.1f}"))
    return pd.DataFrame(rows, columns=["stage", "nodes", "seconds of work"])


def _packages(nodes: Records) -> pd.DataFrame:
    """Versions of Python and of each package; more than one if nodes were run in different environments."""
    versions: dict[str, set[str]] = defaultdict(set)
    for record in nodes.values():
        for name, version in {"python": record["python"], **record["packages"]}.items():
            versions[name].add(version)
    rows = [(name, ", ".join(sorted(found))) for name, found in sorted(versions.items())]
    return pd.DataFrame(rows, columns=["package", "version"])


def _training(config: Config, records: Records) -> pd.DataFrame:
    rows = []
    for network in [*trained(config, records), *trained(config, records, "cascade")]:
        card = network.card
        steps = f"{card['steps_done']:,} of {card['steps']:,}"
        rows.append((network.family, network.model, steps, card["mode"], card["device"], f"{card['hours']:.3f}"))
    return pd.DataFrame(rows, columns=["family or cascade", "model", "steps", "mode", "device", "hours"])


def _nodes(nodes: Records) -> pd.DataFrame:
    rows = []
    for name, record in nodes.items():
        commit = (record["commit"] or "unknown")[:COMMIT_LENGTH]
        changes = {True: "yes", False: "no", None: "unknown"}[record["uncommitted_changes"]]
        seconds = f"{record['seconds']:.2f}" if "seconds" in record else "-"
        rows.append((name, commit, changes, record["device"], record["mode"], seconds))
    return pd.DataFrame(rows, columns=["node", "commit", "uncommitted changes", "device", "mode", "seconds"])
