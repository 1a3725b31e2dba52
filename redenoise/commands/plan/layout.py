"""The plan as text and as JSON."""

from typing import Any, NamedTuple

from tabulate import tabulate

from redenoise.commands.plan.costs import QUANTITIES, Cost
from redenoise.commands.plan.differences import DAMAGED, Difference, Verdict
from redenoise.commands.plan.estimates import StageCost, as_dict

SHOWN = 8  # names of nodes in one line
FILES_SHOWN = 3  # of which the same is to be said
NEVER_RUN = "not run yet, or its record was deleted"
UNKNOWN = "unknown"
HEADERS = ("stage", "runs", "of", "hours", "CPU-hours", "GPU-hours", "disk, MB", "memory, MB", "GPU memory, MB", "from")
Each = dict[str, tuple[Cost, str]]  # by name of a node that would run: its cost, and where that comes from


class Shown(NamedTuple):
    """What is said of every node that would run, besides what is said of all: its reason, its cost."""

    reasons: bool = False
    costs: bool = False


def text(scale: str, verdicts: dict[str, Verdict], costs: dict[str, StageCost], each: Each, shown: Shown) -> str:
    """What a person reads: how many nodes would run, why, what that costs, and what is asked for of each of them."""
    runs = [verdict for verdict in verdicts.values() if verdict.runs]
    parts = [f"scale {scale}: {len(runs)} of {len(verdicts)} nodes would run"]
    if runs:
        parts += ["Why:\n" + "\n".join(_causes(runs)), _costs(costs)]
    if shown.costs and runs:
        parts.append(_each(each))
    if shown.reasons and runs:
        parts.append("Nodes:\n" + "\n".join(f"  {verdict.node.name}: {reason(verdict)}" for verdict in runs))
    parts += _packages(verdicts)
    return "\n\n".join(parts)


def shards(jobs: dict[str, dict[str, int]]) -> str:
    """Into how many jobs Snakemake cuts the nodes that measure; empty at a scale that cuts none."""
    if not jobs:
        return ""
    lines = []
    for stage, found in jobs.items():
        whole = f"; {UNKNOWN} for {found['unknown']} nodes, which stay whole" if found["unknown"] else ""
        lines.append(f"  {stage}: {found['jobs']} shards of {found['nodes']} nodes{whole}")
    return "Under Snakemake shards of these do the work, see shard_minutes in the scale's file:\n" + "\n".join(lines)


def reason(verdict: Verdict) -> str:
    """Why one node would run: its own causes, else the inputs that are made anew, and where that began."""
    if verdict.causes:
        return "; ".join(_facts(verdict))
    first, *others = verdict.upstream
    more = f" and {len(others)} more" if others else ""
    began = f", which began with {verdict.root}" if verdict.root != first else ""
    return f"its input is made anew by {first}{more}{began}"


def _causes(runs: list[Verdict]) -> list[str]:
    """One line for each fact that makes nodes run, with these nodes, and one for those that follow."""
    nodes: dict[str, list[str]] = {}
    for verdict in runs:
        for fact in _facts(verdict):
            nodes.setdefault(fact, []).append(verdict.node.name)
    lines = [f"  {fact}: {_names(names)}" for fact, names in nodes.items()]
    following = [verdict.node.name for verdict in runs if not verdict.causes]
    return lines + ([f"  an input is made anew: {_names(following)}"] if following else [])


def _facts(verdict: Verdict) -> list[str]:
    """A node's own causes in words; many files of which the same is to be said are one fact."""
    alike: dict[tuple[str, str], list[Difference]] = {}
    for cause in verdict.causes:
        alike.setdefault((cause.kind, cause.state), []).append(cause)
    found = []
    for (kind, state), causes in alike.items():
        if kind == "record":
            found.append(f"{kind} {causes[0].name} {state}" if state == DAMAGED else NEVER_RUN)
        elif kind != "parameter" and len(causes) > FILES_SHOWN:
            found.append(f"{kind} {causes[0].name} {state}, and so it is with {len(causes) - 1} more")
        else:
            found += map(str, causes)
    return found


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _costs(costs: dict[str, StageCost]) -> str:
    rows, hours = [], ("seconds", "cpu_seconds", "gpu_seconds")
    for stage, cost in costs.items():
        if cost.costs:
            origins = ", ".join(f"{name}: {count}" for name, count in cost.origins.items())
            sums = [*(_sum(*cost.sum(name), 3600) for name in hours), _sum(*cost.sum("disk_mb"), 1)]
            most = (cost.most(name) for name in ("memory_mb", "gpu_memory_mb"))
            rows.append((stage, len(cost.costs), cost.nodes, *sums, *map(_memory, most), origins))
    table = tabulate(rows, HEADERS, disable_numparse=True, colalign=("left", *["right"] * 8, "left"))
    devices = "; ".join(costs["all"].devices) or "no device"
    notes = ["Hours are those of one node after the other. Measured on: " + devices + "."]
    partly = (cost.sum(name) for cost in costs.values() for name in hours)
    if any(total is not None and unknown for total, unknown in partly):
        notes.append("`+ n?`: n nodes come on top of which nobody has measured it yet.")
    return table + "\n" + "\n".join(notes)


def _each(each: Each) -> str:
    """A line for each node, the dearest first; those of which nobody knows come last."""
    ordered = sorted(each.items(), key=lambda item: -(item[1][0].seconds or 0.0))
    rows = []
    for name, (cost, origin) in ordered:
        most = (getattr(cost, quantity) for quantity in ("memory_mb", "gpu_memory_mb"))
        spent = (getattr(cost, quantity) for quantity in ("seconds", "cpu_seconds", "gpu_seconds", "disk_mb"))
        rows.append((name, *(_sum(value, 0, 1) for value in spent), *map(_memory, most), origin))
    headers = ("node", *(text.replace("hours", "seconds") for text in HEADERS[3:]))
    return tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 6, "left"))


def _memory(megabytes: float | None) -> str:
    return UNKNOWN if megabytes is None else f"{megabytes:.0f}"


def _sum(total: float | None, unknown: int, unit: float) -> str:
    if total is None:
        return UNKNOWN
    value = total / unit
    shown = "< 0.01" if 0 < value < 0.01 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"
    return f"{shown} + {unknown}?" if unknown else shown


def _packages(verdicts: dict[str, Verdict]) -> list[str]:
    """Other versions of packages, which make no engine run a node."""
    found: dict[str, int] = {}
    for verdict in verdicts.values():
        for package in verdict.packages:
            found[str(package)] = found.get(str(package), 0) + 1
    if not found:
        return []
    lines = "\n".join(f"  {fact}: {count} nodes" for fact, count in found.items())
    return [
        "Made with other package versions, for which neither engine makes them again, but which `redenoise record` "
        f"refuses (`snakemake --forceall` makes all again):\n{lines}"
    ]


def json_value(scale: str, verdicts: dict[str, Verdict], costs: dict[str, StageCost], each: Each) -> dict[str, Any]:
    """The same for machines; `nodes` holds those that would run."""
    nodes = {}
    for name, verdict in verdicts.items():
        if verdict.runs:
            causes = [cause._asdict() for cause in verdict.causes]
            cost, origin = each[name]
            nodes[name] = {"causes": causes, "upstream": list(verdict.upstream), "root": verdict.root}
            nodes[name]["cost"] = {quantity: getattr(cost, quantity) for quantity in QUANTITIES} | {"from": origin}
    packages = {package.name for verdict in verdicts.values() for package in verdict.packages}
    return {
        "scale": scale,
        "nodes": nodes,
        "stages": {stage: as_dict(cost) for stage, cost in costs.items()},
        "other_packages": sorted(packages),
    }
