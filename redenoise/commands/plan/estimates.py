"""What the nodes that would run would cost, stage by stage."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from redenoise.commands.plan import costs
from redenoise.commands.plan.costs import Cost
from redenoise.commands.plan.differences import Verdict
from redenoise.dag.config import Config
from redenoise.dag.graph import Graph, Node

# Where a cost comes from, best first, as the table says it.
HERE, TABLE, BENCHMARK = "last run here", "recorded costs", "benchmark"
IDLE, MEAN, UNKNOWN = "had nothing to work on", "mean of the stage", "unknown"


@dataclass
class StageCost:
    """What the nodes of one stage, or of all, would cost together.

    Attributes:
        nodes: how many there are.
        costs: of those that would run.
        origins: how many of these have their cost from where, see the constants above.
    """

    nodes: int = 0
    costs: list[Cost] = field(default_factory=list)
    origins: Counter[str] = field(default_factory=Counter)

    def sum(self, name: str) -> tuple[float | None, int]:
        """A quantity of all that would run, None if nobody has measured any, and how many of them lack it."""
        known = self._known(name)
        return sum(known) if known or not self.costs else None, len(self.costs) - len(known)

    def most(self, name: str) -> float | None:
        """The largest of any that would run; None if nobody has measured it."""
        return max(self._known(name), default=None)

    def _known(self, name: str) -> list[float]:
        return [value for cost in self.costs if (value := getattr(cost, name)) is not None]

    @property
    def devices(self) -> list[str]:
        """On which the costs were measured."""
        return list(dict.fromkeys(cost.device for cost in self.costs if cost.device))


class Estimator:
    """Costs of nodes at one scale, from everything that was ever measured and is at hand."""

    def __init__(self, config: Config, graph: Graph) -> None:
        self.config = config
        self.table = costs.read_table()
        self.benchmarks = costs.benchmarks()
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
        trained = costs.training(self.config, node.stage, node.key, self.benchmarks)
        return (trained, BENCHMARK) if trained else (here or listed, IDLE)


def by_stage(verdicts: dict[str, Verdict], estimator: Estimator) -> dict[str, StageCost]:
    """What every stage would cost, in the order of the DAG, and `all` of them."""
    found: dict[str, StageCost] = defaultdict(StageCost)
    everything = StageCost()
    for verdict in verdicts.values():
        cost, origin = estimator.cost(verdict.node)
        for together in (found[verdict.node.stage], everything):
            together.nodes += 1
            if verdict.runs:
                together.costs.append(cost)
                together.origins[origin] += 1
    return {**found, "all": everything}


def as_dict(cost: StageCost) -> dict[str, Any]:
    """For machines: hours and megabytes, null where nothing was measured, and for how many nodes that is so."""

    def sums(name: str, unit: str, size: float) -> dict[str, Any]:
        total, unknown = cost.sum(name)
        return {unit: None if total is None else total / size, "unknown": unknown}

    return {
        "nodes": cost.nodes,
        "runs": len(cost.costs),
        "one_after_the_other": sums("seconds", "hours", 3600),
        "cpu": sums("cpu_seconds", "hours", 3600),
        "gpu": sums("gpu_seconds", "hours", 3600),
        "disk": sums("disk_mb", "mb", 1),
        "peak_memory_mb": cost.most("memory_mb"),
        "peak_gpu_memory_mb": cost.most("gpu_memory_mb"),
        "costs_from": cost.origins,
        "devices": cost.devices,
    }
