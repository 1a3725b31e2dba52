"""One node of a recognition: config put together into what is measured, and its results written."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from redenoise.dag import paths
from redenoise.dag.code import determining
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.dag.provenance import hash_code
from redenoise.dag.results import write_results
from redenoise.dag.shards import Shard, Work, working
from redenoise.data.labelled import read_labelled
from redenoise.measure.torch_mode import device, device_facts, set_mode
from redenoise.recognition import metrics
from redenoise.recognition.outcomes import Denoiser, Subject, condition_of, outcomes, parts_of, write_arrays
from redenoise.recognition.stored import load_task
from redenoise.support.files import sha256_file, sha256_path
from redenoise.support.numbers import fixed

# The code that the outcomes of an image depend on, besides that of the denoiser.
DETERMINING = determining(("redenoise/recognition/outcomes.py", "redenoise/models/recognizers"))


def subject_of(config: Config, entry: dict, most: int | None = None) -> Subject:
    """What an entry measures, its task network loaded; `most`: take the first images of the set only."""
    set_mode("reference", config.settings["threads"])
    task = config.entry("task", entry["task"])
    network = load_task(config, entry["task"]).to(device()).to(memory_format=torch.channels_last)
    weights = paths.task(config.scale, entry["task"]) / "model.safetensors"
    real = config.settings["real_data"]
    data = paths.labelled(config.scale, entry["data"])
    depends = {
        "data": sha256_path(data),
        "task": sha256_file(weights),
        "code": list(hash_code(DETERMINING).values()),
        "mode": "reference",
        "threads": config.settings["threads"],
        "torch": torch.__version__,
        "device": device().type,
    }
    examples = read_labelled(data)[:most]
    resize, crop = (task.get(name) if real else None for name in ("resize", "crop"))
    return Subject(examples, entry["data"], config.params["seed"], resize, crop, network, device(), depends)


def measure(
    config: Config, key: str, entry: dict, levels: Sequence[float | None], make: Callable[[], Denoiser],
    work: Work, most: int | None = None, remark: Callable[[float], str] = lambda sigma: "",
) -> None:  # fmt: skip
    """Measure one recognition and write its results and outcomes; as a shard only make its share of the parts.

    Args:
        levels: noise levels; None stands for clean images.
        make: makes the denoiser.
        work: what to do of it.
        most: number of images, None for the whole set, or as many as the entry's `first` says.
        remark: from a noise level to what restricts its values.
    """
    subject = subject_of(config, entry, min(filter(None, (most, entry.get("first"))), default=None))
    parts = parts_of(subject.examples, levels, config.settings["part"])
    found = outcomes(subject, make(), parts, paths.parts(config.scale, key), f"recognize {key}", work)
    if work.shard:
        return
    write_arrays(paths.outcomes(config.scale, key), {name: arrays["outcome"] for name, arrays in found.items()})
    notes = {condition_of(sigma): remark(sigma) for sigma in levels if sigma is not None}
    rows = []
    for condition, arrays in found.items():
        common = {"dataset": title(config, entry), "item": "average", "condition": condition}
        common |= {"note": notes.get(condition, "")}
        for metric, unit, value in summary(subject, arrays):
            rows.append({**common, "method": entry["method"], "metric": metric, "unit": unit, "value": fixed(value, 6)})
    write_results(paths.results(config.scale, key), rows)


def summary(subject: Subject, arrays: dict[str, np.ndarray]) -> list[tuple[str, str, float]]:
    """Metric, unit and value of everything that the results say of one condition."""
    found, rows = arrays["outcome"], []
    if subject.network.kind == "classification":
        for k in (1, 5):
            low, high = metrics.wilson(int(np.count_nonzero(found < k)), len(found))
            rows += [(f"top{k}", "%", metrics.top_k(found, k)), (f"top{k}_low", "%", low), (f"top{k}_high", "%", high)]
    else:
        low, high = metrics.bootstrap_iou(found, subject.seed)
        rows += [("miou", "%", float(metrics.mean_iou(found.sum(axis=0)))), ("miou_low", "%", low)]
        rows += [("miou_high", "%", high)]
    if "psnr" in arrays:
        finite = arrays["psnr"][np.isfinite(arrays["psnr"])]  # an image without any error has no finite one
        rows.append(("psnr", "dB", float(np.mean(finite)) if finite.size else math.inf))
    return [*rows, ("images", "count", float(len(found)))]


def nothing(config: Config, key: str, work: Work, reason: str) -> None:
    """Write the outputs of a node that could measure nothing, and say why."""
    if work.shard is None:
        write_arrays(paths.outcomes(config.scale, key), {})
        write_results(paths.results(config.scale, key), [])
    work.record["unavailable"] = reason


def title(config: Config, entry: dict) -> str:
    """The printed name of the set; stand-ins for it carry a prefix, so that they never meet a printed value."""
    name = config.entry("labelled", entry["data"])["title"]
    return name if config.settings["real_data"] else f"demo:{name}"


def levels_of(config: Config, entry: dict, without: dict[float, str] | None = None) -> list[float]:
    """Noise levels of an entry: its own or those of its task."""
    levels = entry.get("sigmas", config.entry("task", entry["task"])["sigmas"])
    return [sigma for sigma in levels if sigma not in (without or {})]


def worked(
    config: Config, stage: str, key: str, folders: list[Path], shard: Shard | None,
    act: Callable[[Work], None],
) -> None:  # fmt: skip
    """Do the work of a node if everything that it reads is there, else write empty results and say why.

    Args:
        folders: what the node reads besides its data and the network of its task.
        shard: the share to do; None for the whole node.
        act: does it.
    """
    entry = config.entry(stage, key)
    read = [paths.labelled(config.scale, entry["data"]), paths.task(config.scale, entry["task"]), *folders]
    with working(config, stage, key, shard) as work:
        if reason := next(filter(None, map(unavailable_reason, read)), None):
            nothing(config, key, work, reason)
        else:
            work.record |= device_facts(device())
            act(work)
