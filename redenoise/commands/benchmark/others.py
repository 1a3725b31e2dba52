"""Trainings that the benchmark measures beside that of `proposed`, in the mode `fast`: other networks, at full size."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch

from redenoise.commands.benchmark import peaks
from redenoise.commands.benchmark.machine import say
from redenoise.commands.benchmark.ways import KERNELS, SCHEDULE, begun, stepping
from redenoise.commands.rent import GROUPS
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.dag.levels import noise_ranges
from redenoise.data.labelled import Example
from redenoise.joint.learner import TaskLearner
from redenoise.joint.patches import LabelledPatches
from redenoise.measure.torch_mode import set_mode
from redenoise.models import denoisers, recognizers
from redenoise.support.shapes import without_memory
from redenoise.training.patches import Patches, Source
from redenoise.training.schedule import schedule_for
from redenoise.training.step import Learner

DESIGNS = "table1"  # a group of workflow/rented.yaml, of whose families one network each trains in one step
TASK = "segment_photographs_training"
OTHERS = (DESIGNS, "dncnn_s", "ffdnet_color", TASK)


@dataclass(frozen=True)
class Bench:
    """Where the others are measured: device, threads, seed of weights and patches, and about how long, how often."""

    device: torch.device
    threads: int
    seed: int
    seconds: float
    repeats: int


class Labelled(LabelledPatches):
    """Crops of images that are in memory, with random classes for their pixels."""

    def __init__(self, images: list[np.ndarray], classes: int, crop: int, batch: int, device: torch.device) -> None:
        examples = [Example(str(number), Path(), Path(), None) for number in range(len(images))]
        super().__init__(examples, classes, crop, None, batch, device, "benchmark")
        draw = np.random.default_rng(0)
        masks = (draw.integers(0, classes, image.shape[:2], dtype=np.uint8) for image in images)
        self.kept = dict(enumerate(zip(images, masks, strict=True)))


Made = tuple[list[Learner], Source, int]  # networks that train together, on what, and the FLOPs of a step of one


def measure(
    name: str, images: list[np.ndarray], bench: Bench, network: dict | None = None, training: dict | None = None
) -> list[dict[str, Any]]:
    """The rates of one of `OTHERS`: of `fast`, and on a GPU of kernels of our own for denoisers.

    Args:
        images: to train on, uint8 (H, W, 3).
        network, training: keys that replace those of the networks, and of the schedules.

    Returns:
        For each way `trained`, `name`, `precision`, `networks`, `rates`, and `flops` and `batch` of a network's step.
    """
    make, found = _task if name == TASK else _denoisers, []
    for part in ("", KERNELS) if bench.device.type == "cuda" and name != TASK else ("",):
        set_mode("fast", bench.threads)
        learners, source, flops = make(name, images, bench, network or {}, training or {})
        begin = partial(stepping, learners, source, bench.seed, bench.threads, part)
        if way := begun(begin, bench.device, f"{name}, {part or 'fast'}"):
            rates = [way.measured(bench.seconds, bench.device) for _ in range(bench.repeats)]
            say(f"{name}, {way.name}: {median(rates):.4g} steps/s")
            facts = {"trained": name, "flops": flops, "batch": learners[0].schedule.batch, "rates": rates}
            found.append({**facts, **{key: getattr(way, key) for key in ("name", "precision", "networks")}})
    return found


def _denoisers(name: str, images: list[np.ndarray], bench: Bench, network: dict, training: dict) -> Made:
    """The first network of a family, or of each family of the group `DESIGNS`."""
    params, keys = read_yaml(PARAMS), read_yaml(GROUPS)[name]["train"] if name == DESIGNS else [name]
    learners, flops = [], []
    for entry in (params["families"][key] for key in keys):
        _, schedule = schedule_for(params, {"schedule": SCHEDULE, **training}, entry)
        options = {**entry["network"], **schedule.network, **network}
        shape = (schedule.batch, options["channels"], schedule.patch, schedule.patch)
        with without_memory():
            flops.append(peaks.count_flops(denoisers.build(options), shape, shape[:1])["step"])
        torch.manual_seed(bench.seed)
        levels = next(iter(noise_ranges(entry).values()))
        learners.append(Learner(denoisers.build(options), levels, schedule, "fast", bench.device))
    seen = images if shape[1] == 3 else [image[..., 1] for image in images]
    return learners, Patches(seen, schedule.patch, schedule.batch, bench.device, "benchmark"), round(fmean(flops))


def _task(name: str, images: list[np.ndarray], bench: Bench, network: dict, training: dict) -> Made:
    """The network of a task, with random weights."""
    params = read_yaml(PARAMS)
    entry = params["tasks"][name]
    _, schedule = schedule_for(params, training, entry)
    options = {**entry["network"], **network}
    torch.manual_seed(bench.seed)
    task = recognizers.build(options)
    flops = schedule.batch * peaks.count_flops(task, (1, 3, schedule.patch, schedule.patch))["step"]
    source = Labelled(images, task.classes, schedule.patch, schedule.batch, bench.device)
    return [TaskLearner(task, (0, 0), schedule, "fast", bench.device)], source, flops
