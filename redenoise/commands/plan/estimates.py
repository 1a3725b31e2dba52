"""What the nodes that would run would cost, stage by stage."""

from dataclasses import dataclass, field
from typing import Any

from redenoise.commands.plan import costs, rates
from redenoise.commands.plan.costs import Cost
from redenoise.commands.plan.verdicts import Verdict
from redenoise.dag.config import Config
from redenoise.dag.graph import Graph, Node

# Where a cost comes from, best first, as the table says it.
HERE, TABLE, BENCHMARK = "last run here", "recorded costs", "benchmark"
IDLE, MEAN, UNKNOWN = "had nothing to work on", "mean of the stage", "unknown"


@dataclass
class Sum:
    """A quantity over several nodes: what is known of it, and how many nodes know nothing."""

    total: float = 0.0
    known: int = 0
    unknown: int = 0

    def add(self, value: float | None) -> None:
        """Take in one node."""
        self.total += value or 0.0
        self.known += value is not None
        self.unknown += value is None


@dataclass
class StageCost:
    """What the nodes of one stage, or of all, would cost together.

    Attributes:
        nodes, runs: how many there are, and how many of them would run.
        seconds, cpu_seconds, gpu_seconds, disk_mb: sums over those that would run; `seconds` is one after the other.
        memory_mb, gpu_memory_mb: the largest of any of them; None if nobody has measured it.
        origins: how many of them have their cost from where, see the constants above.
        devices: on which the costs were measured.
    """

    nodes: int = 0
    runs: int = 0
    seconds: Sum = field(default_factory=Sum)
    cpu_seconds: Sum = field(default_factory=Sum)
    gpu_seconds: Sum = field(default_factory=Sum)
    disk_mb: Sum = field(default_factory=Sum)
    memory_mb: float | None = None
    gpu_memory_mb: float | None = None
    origins: dict[str, int] = field(default_factory=dict)
    devices: dict[str, None] = field(default_factory=dict)

    def add(self, runs: bool, cost: Cost, origin: str) -> None:
        """Take in one node."""
        self.nodes += 1
        if not runs:
            return
        self.runs += 1
        for name in ("seconds", "cpu_seconds", "gpu_seconds", "disk_mb"):
            getattr(self, name).add(getattr(cost, name))
        for name in ("memory_mb", "gpu_memory_mb"):
            known = [value for value in (getattr(self, name), getattr(cost, name)) if value is not None]
            setattr(self, name, max(known, default=None))
        self.origins[origin] = self.origins.get(origin, 0) + 1
        if cost.device:
            self.devices[cost.device] = None


class Estimator:
    """Costs of nodes at one scale, from everything that was ever measured and is at hand."""

    def __init__(self, config: Config, graph: Graph) -> None:
        self.config = config
        self.table = costs.read_table()
        self.benchmarks = rates.benchmarks()
        self.own: dict[str, tuple[Cost, str]] = {}
        by_stage: dict[str, list[Cost]] = {}
        for node in graph.nodes:
            cost, origin = self._measured(node)
            if cost:
                self.own[node.name] = cost, origin
            if cost and not cost.idle:
                by_stage.setdefault(node.stage, []).append(cost)
        self.means = {stage: costs.mean(found) for stage, found in by_stage.items()}

    def cost(self, node: Node) -> tuple[Cost, str]:
        """The cost of one node, and where it comes from."""
        if node.name in self.own:
            return self.own[node.name]
        mean = self.means.get(node.stage)
        return (mean, MEAN) if mean else (Cost(), UNKNOWN)

    def _measured(self, node: Node) -> tuple[Cost | None, str]:
        here = costs.measured(self.config, node)
        listed = self.table.get((self.config.scale, node.stage, node.key or ""))
        if here and not here.idle:
            return (here if listed is None or listed.idle else costs.merged(here, listed)), HERE
        if listed and not listed.idle:
            return listed, TABLE
        trained = rates.training(self.config, node.stage, node.key, self.benchmarks)
        return (trained, BENCHMARK) if trained else (here or listed, IDLE)


def by_stage(verdicts: dict[str, Verdict], estimator: Estimator) -> dict[str, StageCost]:
    """What every stage would cost, in the order of the DAG, and `all` of them."""
    found: dict[str, StageCost] = {}
    for verdict in verdicts.values():
        cost, origin = estimator.cost(verdict.node)
        found.setdefault(verdict.node.stage, StageCost()).add(verdict.runs, cost, origin)
    everything = StageCost()
    for verdict in verdicts.values():
        everything.add(verdict.runs, *estimator.cost(verdict.node))
    return {**found, "all": everything}


def as_dict(cost: StageCost) -> dict[str, Any]:
    """For machines: hours and megabytes, null where nothing was measured, and for how many nodes that is so."""

    def hours(value: Sum) -> dict[str, Any]:
        return {"hours": value.total / 3600 if value.known or not value.unknown else None, "unknown": value.unknown}

    disk = cost.disk_mb
    return {
        "nodes": cost.nodes,
        "runs": cost.runs,
        "one_after_the_other": hours(cost.seconds),
        "cpu": hours(cost.cpu_seconds),
        "gpu": hours(cost.gpu_seconds),
        "disk": {"mb": disk.total if disk.known or not disk.unknown else None, "unknown": disk.unknown},
        "peak_memory_mb": cost.memory_mb,
        "peak_gpu_memory_mb": cost.gpu_memory_mb,
        "costs_from": cost.origins,
        "devices": list(cost.devices),
    }
