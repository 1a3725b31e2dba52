"""What a training costs by its schedule: its steps, divided by the steps per second that a benchmark has measured.

The rates are those of reports/benchmark/, where `redenoise benchmark training` and
`redenoise benchmark cascades` leave them. A rate counts for the networks, batch and patch that it was measured
with, and for no others.
"""

from pathlib import Path
from typing import Any

from redenoise.commands.plan.costs import Cost
from redenoise.dag.config import Config
from redenoise.dag.references import model_names
from redenoise.support.files import read_json
from redenoise.training.schedule import schedule_for

FOLDER = Path("reports/benchmark")
STEP_FIELDS = ("batch", "patch")  # of a schedule: what the time of a step depends on


def benchmarks(folder: Path = FOLDER) -> list[dict[str, Any]]:
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
    if "summary" not in record or config.settings["miniature"] or "untrainable" in entry:
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
