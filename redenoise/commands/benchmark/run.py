"""Speed of training on the machine at hand.

Trains the family `proposed` for some seconds in several ways, in turns: a plain loop as public code has it, and this
project's modes `reference` and `fast`, alone and with several networks together; and relates each to the largest rate
of matrix products that the device was seen to reach in the same run. On a GPU the parts of the step of `fast` are
measured by themselves, too, and other networks follow: the other designs of table I of Liu et al. 2020 in one step,
DnCNN, FFDNet, and the network of a task; on a processor they do with --also. The images are those of CBSD432 as bench
or modern made it, else random ones. Output: `<folder>/<device>.md` and `.json`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redenoise.commands.benchmark import machine, others, peaks
from redenoise.commands.benchmark.machine import say
from redenoise.commands.benchmark.others import OTHERS, Bench
from redenoise.commands.benchmark.report import render, summarise
from redenoise.commands.benchmark.ways import (
    FEWEST_STEPS,
    PARTS,
    SCHEDULE,
    Apart,
    Way,
    Workshop,
    begun,
    training_images,
)
from redenoise.commands.parsing import parser
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.data.images import read_image, write_png
from redenoise.measure import torch_mode
from redenoise.measure.torch_mode import set_mode
from redenoise.models import denoisers
from redenoise.support.errors import UserError
from redenoise.support.shapes import without_memory
from redenoise.training.patches import Patches
from redenoise.training.schedule import schedule_for

FAMILY = "proposed"
REPEATS = 3
PEAK_SHARE = 1 / 30  # of the time of a measurement, for each size of a matrix product
MOST_WORKERS = 8
TOGETHER = {"cuda": (2, 4, 8, 16), "cpu": (2,)}


def benchmark(
    output: Path, seconds: float, network: dict | None = None, training: dict | None = None, also: Sequence[str] = ()
) -> Path:
    """Measure this machine and write the report.

    Args:
        output: its folder.
        seconds: about how long each measurement lasts.
        network: options that replace those of the family's network, such as `divisor` for a miniature.
        training: keys that replace those of the schedule, such as `batch`.
        also: of `OTHERS`, measured afterwards.

    Returns:
        The report's Markdown page; its numbers, every repeat among them, are beside it as JSON.

    Raises:
        UserError: images are damaged or smaller than a patch, or the GPU has too little memory.
    """
    workshop = make_workshop(network, training)
    device, cores = workshop.device, workshop.threads
    changes = json.dumps([network, training])
    record = describe(seconds, workshop)
    say(f"{record['machine']['device']}, {REPEATS} times about {seconds:g} s for each way to train")
    images, source = training_images()
    try:
        with _stored(images) as files, _ready(workshop, images, files, changes) as ways:
            size = sum(path.stat().st_size for path in files) // len(files)
            record["images"] = {"count": len(files), "source": source, "mean_png_bytes": size}
            record["peaks"] = measure(ways, seconds, device, cores)
    except torch.OutOfMemoryError:
        raise UserError("the GPU's memory is too small for all ways at once; end what else runs on it") from None
    bench = Bench(device, cores, workshop.seed, seconds, REPEATS)
    record["others"] = [way for name in also for way in others.measure(name, images, bench, network, training)]
    fields = ("name", "precision", "networks", "rates")
    record["ways"] = [{name: getattr(way, name) for name in fields} for way in ways]
    record["summary"] = summarise(record)
    return machine.store(output / f"{machine.slug(record['machine'])}.md", record, render(record))


def make_workshop(network: dict | None, training: dict | None) -> Workshop:
    """What makes the ways to train; see `benchmark`."""
    params = read_yaml(PARAMS)
    entry = params["families"][FAMILY]
    _, schedule = schedule_for(params, {"schedule": SCHEDULE, **(training or {})}, entry)
    options = {**entry["network"], **schedule.network, **(network or {})}
    return Workshop(options, schedule, entry["sigmas"], params["seed"], torch_mode.device(), machine.usable_cores())


def alone(folder: Path, changes: str, seconds: float) -> float:
    """The rate of the mode `reference` in this process.

    Args:
        folder: of the images, PNG files.
        changes: the arguments of `make_workshop`, as JSON.
    """
    workshop = make_workshop(*json.loads(changes))
    images = [read_image(path, gray=False) for path in sorted(folder.iterdir())]
    patches = Patches(images, workshop.schedule.patch, workshop.schedule.batch, workshop.device, "benchmark")
    return workshop.ours("reference", 1, patches).measured(seconds, workshop.device)


def describe(seconds: float, workshop: Workshop) -> dict[str, Any]:
    """What is measured, on what, and the FLOPs of a step."""
    schedule, options = workshop.schedule, workshop.options
    shape = (schedule.batch, options["channels"], schedule.patch, schedule.patch)
    with without_memory():
        network = denoisers.build(options)
    return {
        "machine": machine.describe_machine(workshop.device, workshop.threads),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": machine.commit(),
        "settings": {
            "seconds": seconds,
            "fewest_steps": FEWEST_STEPS,
            "repeats": REPEATS,
            "warm_up_steps": peaks.WARM_UP_CALLS,
            "schedule": SCHEDULE,
            "network": options,
            "batch": schedule.batch,
            "patch": schedule.patch,
            "workers": min(MOST_WORKERS, workshop.threads),
        },
        "flops": peaks.count_flops(network, shape, shape[:1]),
    }


@contextmanager
def _stored(images: list[np.ndarray]) -> Iterator[list[Path]]:
    """The images as files, for the plain loop."""
    with tempfile.TemporaryDirectory(prefix="redenoise-benchmark-") as folder:
        files = [Path(folder) / f"{index}.png" for index in range(len(images))]
        for path, image in zip(files, images, strict=True):
            write_png(path, image)
        yield files


@contextmanager
def _ready(workshop: Workshop, images: list[np.ndarray], files: list[Path], changes: str) -> Iterator[list[Way]]:
    """All ways to train, each after its first step; that of the mode `reference` begins anew each time."""
    schedule, device = workshop.schedule, workshop.device
    patches = Patches(images, schedule.patch, schedule.batch, device, "benchmark")
    wanted = [(1, part) for part in PARTS] if device.type == "cuda" else []
    wanted += [(count, "") for count in (1, *TOGETHER[device.type])]
    # Before the plain loop has threads, which would disturb the capture of a graph.
    tried = [begun(partial(workshop.ours, "fast", count, patches, part), device, part) for count, part in wanted]
    ours = [way for way in tried if way]
    plain, close = workshop.plain(files, min(MOST_WORKERS, workshop.threads))
    command = [sys.executable, "-m", "redenoise", "benchmark", "training", "--alone", str(files[0].parent), changes]
    try:
        yield [plain, Apart(command), *ours]
    finally:
        close()


def measure(ways: list[Way], seconds: float, device: torch.device, threads: int) -> dict[str, dict[str, list]]:
    """Measure every way and the device's peaks in turns, so that a drift of the machine's speed meets all alike.

    Returns:
        The rate of every repeat in TFLOP/s, by precision and by size of the matrices, or of the convolution. Those of
        the ways are left in the ways.
    """
    sizes = peaks.SIZES[device.type]
    subjects, most = (*map(str, sizes), peaks.CONVOLUTION), min(peaks.CHANNELS, *sizes)
    found: dict[str, dict[str, list]] = {
        kind: {name: [] for name in subjects} for kind in peaks.PRECISIONS[device.type]
    }
    for repeat in range(1, REPEATS + 1):
        set_mode("fast", threads)
        for kind, rates in found.items():
            for name in subjects:
                rates[name].append(peaks.measure(kind, name, most, device, seconds * PEAK_SHARE))
            best = max(values[-1] for values in rates.values())
            say(f"repeat {repeat} of {REPEATS}, {kind} at best: {best:.3g} TFLOP/s")
        for way in ways:
            way.rates.append(way.measured(seconds, device))
            say(f"repeat {repeat} of {REPEATS}, {way.name}: {way.rates[-1]:.4g} steps/s")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Command line of the benchmark."""
    options = machine.options(parser("benchmark training", __doc__, scale=False), 10.0)
    options.add_argument("--alone", nargs=2, metavar=("FOLDER", "CHANGES"), help=argparse.SUPPRESS)
    text = "trainings to measure afterwards (default: all on a GPU, none on a processor, where they take minutes)"
    options.add_argument("--also", nargs="*", choices=OTHERS, metavar="NAME", help=f"{text}: {', '.join(OTHERS)}")
    given = options.parse_args(arguments)
    if given.alone:
        print(alone(Path(given.alone[0]), given.alone[1], given.seconds))
        return
    also = OTHERS if given.also is None and torch_mode.device().type == "cuda" else given.also or ()
    print(benchmark(given.output, given.seconds, also=also))
