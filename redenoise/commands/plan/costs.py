"""What nodes cost: from their last run here, else from the committed table workflow/costs.csv, else by rates.

The table holds what was measured on the machines that its column `device` names. `redenoise plan --record-costs`
puts the runs of one scale into it, and the seconds of reports/<scale>/provenance.json for nodes without a better row.

A training costs its steps, divided by the steps per second that a benchmark has measured. These rates are those of
reports/benchmark/, where `redenoise benchmark training` and `redenoise benchmark cascades` leave them. A rate counts
for the networks, batch and patch that it was measured with, and for no others.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.graph import Node
from redenoise.dag.levels import model_names
from redenoise.dag.table import MEASURING
from redenoise.document import store
from redenoise.document.model import NOTHING
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, write_text
from redenoise.support.numbers import number
from redenoise.training.schedule import schedule_for
from stages.report.history import NODES

TABLE = Path("workflow/costs.csv")
HEADER = ("scale", "stage", "key")
AGAIN = "restore it with git, or delete it and run --record-costs"
RESUMED = 1.05  # a training that lasted longer than its node by this factor had begun before
DIGITS = 3
BENCHMARKS = Path("reports/benchmark")
STEP_FIELDS = ("batch", "patch")  # of a schedule: what the time of a step depends on


@dataclass(frozen=True)
class Cost:
    """What one node costs; None where it was not measured.

    Attributes:
        seconds: from the start of its work to its end.
        cpu_seconds: of all processors together.
        gpu_seconds: during which it held a GPU; 0 on a machine without.
        memory_mb: largest memory of a process, in 1e6 bytes.
        gpu_memory_mb: largest memory in use on the GPU, in 1e6 bytes; 0 without one.
        disk_mb: what it leaves on disk, kept parts and images included, in 1e6 bytes.
        device: processor or GPU that it was measured on.
        idle: whether it had nothing to work on, since its data or weights were not there.
        shards: how many it was cut into; None where its scale cuts nothing.
        shard_minutes: that its scale gave each of them then.
    """

    seconds: float | None = None
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    memory_mb: float | None = None
    gpu_memory_mb: float | None = None
    disk_mb: float | None = None
    device: str = ""
    idle: bool = False
    shards: int | None = None
    shard_minutes: float | None = None


FACTS = ("device", "idle", "shards", "shard_minutes")
QUANTITIES = tuple(field.name for field in fields(Cost) if field.name not in FACTS)
COLUMNS = (*HEADER, *QUANTITIES, *FACTS)
Table = dict[tuple[str, str, str], Cost]  # by scale, stage and key


def measured(config: Config, node: Node) -> Cost | None:
    """What the last run of a node has cost here; None if there was none, or if it took up what an earlier one made."""
    try:
        record = provenance.read(node.record)
    except UserError:
        return None
    if "found" in record:  # kept images: its time is that of reading them, in whole or in part
        return None
    # A training that was interrupted took longer than its last part; of a release, which names its commit, the hours
    # are those of another run.
    cards = record.get("models", {}).values()
    trained = [card["hours"] * 3600 for card in cards if card.get("hours") and "commit" not in card]
    seconds, cpu_seconds = max([record["seconds"], *trained]), record.get("cpu_seconds")
    if seconds > RESUMED * record["seconds"]:
        cpu_seconds = None  # of the last part of the training alone
    if shards := record.get("shards"):  # which had made before what the node has only gathered
        seconds += shards["seconds"]
        cpu_seconds = None if cpu_seconds is None else cpu_seconds + shards["cpu_seconds"]
    gpu_memory, gpu_seconds = None, None
    if "peak_gpu_memory_mb" in record:
        gpu_memory = record["peak_gpu_memory_mb"] or 0.0
        gpu_seconds = seconds if record["peak_gpu_memory_mb"] is not None else 0.0
    memory, space = record.get("peak_memory_mb"), disk(config.scale, node)
    quantities = (seconds, cpu_seconds, gpu_seconds, memory, gpu_memory, space)
    return Cost(*quantities, device=record["device"], idle="unavailable" in record)


def disk(scale: str, node: Node) -> float | None:
    """Megabytes that a node's outputs take, with the parts and images that it keeps; None if an output is missing."""
    outputs = [Path(path) for path in node.outputs]
    if not all(path.exists() for path in outputs):
        return None
    kept = [folder(scale, node.key) for folder in (paths.items, paths.parts)] if node.key else []
    files = [file for path in (*outputs, *kept) for file in ([path] if path.is_file() else path.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def read_table(path: Path = TABLE) -> Table:
    """The committed costs; empty if there are none. Raises `UserError` for a file that is not such a table."""
    if not path.exists():
        return {}
    rows = csv_tables.read(path, COLUMNS, AGAIN)
    try:
        return {(row["scale"], row["stage"], row["key"]): _parse(row) for row in rows}
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}); {AGAIN}") from None


def _parse(row: csv_tables.Row) -> Cost:
    values = {name: number(row[name]) if row[name] else None for name in (*QUANTITIES, "shard_minutes")}
    shards = int(row["shards"]) if row["shards"] else None
    return Cost(**values, shards=shards, device=row["device"], idle=row["idle"] == "yes")


def reported(scale: str) -> dict[str, Cost]:
    """Seconds and device of every node of the last committed run at a scale, by name; empty if there was none.

    Raises:
        UserError: the page of provenance is damaged.
    """
    path = paths.reports(scale) / "provenance.json"
    tables = store.read(path).section(NODES).tables if path.is_file() else []
    rows = [row for table in tables for row in table.records() if row.get("seconds") != NOTHING]
    try:
        return {row["node"]: Cost(number(row["seconds"]), device=row["device"]) for row in rows}
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: no seconds of every node ({error}); {store.AGAIN}") from None


def record(
    config: Config, nodes: list[Node], path: Path = TABLE, shards: Callable[[str, str], int] | None = None
) -> int:
    """Put what the last runs at this scale have cost into the table; returns the number of nodes.

    Rows of nodes that were not run here, or took up images that an earlier run had kept, stay; those of nodes that the
    DAG no longer has go.

    Args:
        shards: from stage and key of a node that measures to the number of its shards.
    """
    old, known = read_table(path), reported(config.scale)
    found = {name: cost for name, cost in old.items() if name[0] != config.scale}
    count = 0
    for node in nodes:
        name = (config.scale, node.stage, node.key or "")
        here, kept = measured(config, node), old.get(name)
        minutes = config.settings["shard_minutes"]
        if here and shards and minutes and node.stage in MEASURING:
            here = replace(here, shards=shards(node.stage, node.key or ""), shard_minutes=minutes)
        if kept and kept.memory_mb is None:
            kept = None  # from an earlier report, which today's may have replaced
        cost = here or kept or (None if Path(node.record).is_file() else known.get(node.name))
        count += cost is not None and cost is not kept
        if cost:
            found[name] = _rounded(cost)
    write_text(path, csv_tables.text(COLUMNS, ([*name, *_line(cost)] for name, cost in sorted(found.items()))))
    return count


def _line(cost: Cost) -> list[str]:
    """The columns after `HEADER`."""
    values = {**vars(cost), "idle": "yes" if cost.idle else None}
    found = (values[name] for name in COLUMNS[len(HEADER) :])
    return ["" if value is None else value if isinstance(value, str) else f"{value:g}" for value in found]


def _rounded(cost: Cost) -> Cost:
    values: dict[str, Any] = {name: getattr(cost, name) for name in QUANTITIES}
    values |= {name: float(f"{value:.{DIGITS}g}") for name, value in values.items() if value is not None}
    return replace(cost, **values)


def merged(first: Cost, second: Cost) -> Cost:
    """What `first` knows, the rest from `second`."""
    return replace(first, **{name: getattr(second, name) for name in QUANTITIES if getattr(first, name) is None})


def mean(costs: list[Cost]) -> Cost | None:
    """Quantity by quantity the mean of those that were measured; memory is the largest. None without any cost."""
    if not costs:
        return None
    values: dict[str, Any] = {}
    for name in QUANTITIES:
        known = [value for cost in costs if (value := getattr(cost, name)) is not None]
        values[name] = (max if name.endswith("memory_mb") else fmean)(known) if known else None
    return Cost(**values)


def benchmarks(folder: Path = BENCHMARKS) -> list[dict[str, Any]]:
    """The records of all machines; those of GPUs first, since the long trainings are meant for them."""
    records = [read_json(path) for path in sorted(folder.glob("*.json"))]
    known = [record for record in records if isinstance(record, dict) and isinstance(record.get("machine"), dict)]
    return sorted(known, key=lambda record: record["machine"].get("kind") != "cuda")


def training(config: Config, stage: str, key: str | None, records: list[dict[str, Any]]) -> Cost | None:
    """What a node of the stage `train` or `cascade` would cost on the first machine that has measured its like.

    None for other stages, for a scale that does not train, and where nobody has measured.
    """
    estimate = {"train": _family, "cascade": _cascade}.get(stage)
    if estimate is None or config.settings["published_weights"]:
        return None
    return next(filter(None, (estimate(config, str(key), record) for record in records)), None)


def _family(config: Config, key: str, record: dict[str, Any]) -> Cost | None:
    entry, training = config.entry("train", key), config.settings["training"]
    idle = entry.get("fitted") or key in training.get("leaves_out", [])
    if "summary" not in record or config.settings["miniature"] or idle:
        return None
    _, schedule = schedule_for(config.params, training, entry)
    measured = record["settings"]
    options = {name: value for name, value in measured["network"].items() if name in entry["network"]}
    if options != entry["network"] or any(measured[name] != getattr(schedule, name) for name in STEP_FIELDS):
        return None
    count = len(model_names(entry))
    ways = [way for way in record["summary"]["ways"] if way["name"].split(",")[0] == training["mode"]]
    fitting = [way for way in ways if way["networks"] <= count]
    if not fitting:
        return None
    best = max(fitting, key=lambda way: way["networks"])
    return _cost(count * schedule.steps / best["rate"], record["machine"])


def _cascade(config: Config, key: str, record: dict[str, Any]) -> Cost | None:
    entry = config.entry("cascade", key)
    rates = record.get("found", {}).get(entry["task"], {}).get("training")
    if not rates or config.settings["miniature"] or config.settings["cascades"]["mode"] != "fast":
        return None
    _, schedule = schedule_for(config.params, config.settings["cascades"], entry)
    images = len(entry["sigmas"]) * schedule.steps * schedule.batch
    return _cost(images / rates["images_per_second"], record["machine"], rates["memory"] / 1e6)


def _cost(seconds: float, machine: dict[str, Any], memory: float | None = None) -> Cost:
    on_gpu = machine["kind"] == "cuda"
    found: dict[str, Any] = {"gpu_memory_mb": memory} if on_gpu else {"memory_mb": memory, "gpu_memory_mb": 0.0}
    return Cost(seconds, None, seconds if on_gpu else 0.0, device=machine["device"], **found)
