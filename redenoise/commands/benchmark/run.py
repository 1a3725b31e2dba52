"""Speed of training on the machine at hand.

Trains the family `proposed` for some seconds in several ways, in turns: a plain loop as public code has it, and this
project's modes `reference` and `fast`, alone and with several networks together; and relates each to the largest rate
of matrix products that the device was seen to reach in the same run. Output: `<folder>/<device>.md` and `.json`.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redenoise.commands.benchmark import peaks
from redenoise.commands.benchmark.machine import OUTPUT, commit, describe_machine, say, slug, usable_cores
from redenoise.commands.benchmark.report import render, summarise
from redenoise.commands.benchmark.ways import Way, Workshop, training_images
from redenoise.commands.parsing import parser
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.data.images import write_png
from redenoise.measure import torch_mode
from redenoise.measure.torch_mode import set_mode
from redenoise.models import denoisers
from redenoise.support.errors import UserError
from redenoise.support.files import write_json, write_text
from redenoise.training.patches import Patches
from redenoise.training.schedule import schedule_for

FAMILY = "proposed"
REPEATS = 3
PEAK_SHARE = 1 / 30  # of the time of a measurement, for each size of a matrix product
MOST_WORKERS = 8
TOGETHER = {"cuda": (2, 4, 8, 16), "cpu": (2,)}


@dataclass(frozen=True)
class Settings:
    """What to measure, and for how long: see `--help`; the last two are of the device unless given."""

    steps: int = 3
    seconds: float = 10.0
    together: tuple[int, ...] = ()
    images: Path | None = None
    output: Path = OUTPUT
    schedule: str = "modern"
    cores: int = 0  # threads of the processor
    sizes: tuple[int, ...] = ()  # of the matrices

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"--steps: found {self.steps}, expected at least 1; raise it")
        if not 0 < self.seconds < float("inf"):
            raise UserError(f"--seconds: found {self.seconds:g}, expected a number above 0; correct it")
        if min(self.together, default=2) < 2:
            raise UserError(f"--together: found {min(self.together)}, expected at least 2; raise it")


def benchmark(settings: Settings, network: dict | None = None, training: dict | None = None) -> Path:
    """Measure this machine and write the report.

    Args:
        settings: see there.
        network: options that replace those of the family's network, such as `divisor` for a miniature.
        training: keys that replace those of the schedule, such as `batch`.

    Returns:
        The report's Markdown page; its numbers, every repeat among them, are beside it as JSON.

    Raises:
        UserError: no such schedule, no images, images smaller than a patch, or too little memory on the GPU.
    """
    params = read_yaml(PARAMS)
    entry = params["families"][FAMILY]
    _, schedule = schedule_for(params, {"schedule": settings.schedule, **(training or {})}, entry)
    options = {**entry["network"], **schedule.network, **(network or {})}
    device = torch_mode.device()
    workshop = Workshop(options, schedule, entry["sigmas"], params["seed"], device, settings.cores or usable_cores())
    record = describe(settings, workshop)
    say(f"{record['machine']['device']}, {REPEATS} times about {settings.seconds:g} s for each way to train")
    images, source = training_images(settings.images)
    with _memory_explained(), tempfile.TemporaryDirectory(prefix="redenoise-benchmark-") as folder:
        files = [Path(folder) / f"{index}.png" for index in range(len(images))]
        for path, image in zip(files, images, strict=True):
            write_png(path, image)
        size = sum(path.stat().st_size for path in files) // len(files)
        record["images"] = {"count": len(files), "source": source, "mean_png_bytes": size}
        with _ready(workshop, settings, images, files) as ways:
            record["peaks"] = measure(ways, settings, device, workshop.threads)
    fields = ("name", "precision", "networks", "rates")
    record["ways"] = [{name: getattr(way, name) for name in fields} for way in ways]
    record["summary"] = summarise(record)
    target = settings.output / f"{slug(record['machine'])}.md"
    write_json(target.with_suffix(".json"), record)
    write_text(target, render(record))
    return target


def describe(settings: Settings, workshop: Workshop) -> dict[str, Any]:
    """What is measured, on what, and the FLOPs of a step."""
    schedule, options = workshop.schedule, workshop.options
    with torch.device("meta"):
        network = denoisers.build(options)
    return {
        "machine": describe_machine(workshop.device, workshop.threads),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "settings": {
            "seconds": settings.seconds,
            "fewest_steps": settings.steps,
            "repeats": REPEATS,
            "warm_up_steps": peaks.WARM_UP_CALLS,
            "schedule": settings.schedule,
            "network": options,
            "batch": schedule.batch,
            "patch": schedule.patch,
            "workers": min(MOST_WORKERS, workshop.threads),
        },
        "flops": peaks.count_flops(network, (schedule.batch, options["channels"], schedule.patch, schedule.patch)),
    }


@contextmanager
def _ready(workshop: Workshop, settings: Settings, images: list[np.ndarray], files: list[Path]) -> Iterator[list[Way]]:
    """All ways to train, each after its first step."""
    schedule, device = workshop.schedule, workshop.device
    patches = Patches(images, schedule.patch, schedule.batch, device, "benchmark")
    modes = [("reference", 1), ("fast", 1), *(("fast", count) for count in settings.together or TOGETHER[device.type])]
    ours = [workshop.ours(mode, count, patches) for mode, count in modes]
    for way in ours:  # before the plain loop has threads, which would disturb the capture of a graph
        say(f"first step of {way.name}")
        way.prepare()
        way.advance()
    plain, close = workshop.plain(files, min(MOST_WORKERS, workshop.threads))
    try:
        yield [plain, *ours]
    finally:
        close()


def measure(ways: list[Way], settings: Settings, device: torch.device, threads: int) -> dict[str, dict[str, list]]:
    """Measure every way and the device's peaks in turns, so that a drift of the machine's speed meets all alike.

    Returns:
        The rate of every repeat in TFLOP/s, by precision and by size of the matrices, or of the convolution. Those of
        the ways are left in the ways.
    """
    sizes, seconds = settings.sizes or peaks.SIZES[device.type], settings.seconds * PEAK_SHARE
    subjects, most = (*map(str, sizes), peaks.CONVOLUTION), min(peaks.CHANNELS, *sizes)
    found: dict[str, dict[str, list]] = {
        kind: {name: [] for name in subjects} for kind in peaks.PRECISIONS[device.type]
    }
    for repeat in range(1, REPEATS + 1):
        set_mode("fast", threads)
        for kind, rates in found.items():
            for name in subjects:
                rates[name].append(peaks.measure(kind, name, most, device, seconds))
            best = max(values[-1] for values in rates.values())
            say(f"repeat {repeat} of {REPEATS}, {kind} at best: {best:.3g} TFLOP/s")
        for way in ways:
            way.prepare()
            calls = peaks.call_rate(way.advance, settings.seconds, settings.steps, device)
            way.rates.append(calls * way.networks)
            say(f"repeat {repeat} of {REPEATS}, {way.name}: {way.rates[-1]:.4g} steps/s")
    return found


@contextmanager
def _memory_explained() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        line = "the GPU's memory is too small for all ways at once"
        raise UserError(f"{line}; lower --together, or end what else runs on it") from None


def main(arguments: list[str] | None = None) -> None:
    """Command line of the benchmark."""
    options = parser("benchmark training", __doc__, scale=False)
    options.add_argument("--steps", type=int, default=3, metavar="N", help="fewest timed steps of a measurement")
    text = "length of a measurement (default: 10)"
    options.add_argument("--seconds", type=float, default=10.0, metavar="S", help=text)
    text = "numbers of networks to train together (default: 2 on a processor, 2 4 8 16 on a GPU)"
    options.add_argument("--together", type=int, nargs="+", default=[], metavar="K", help=text)
    text = "training images (default: CBSD432 as bench or modern made it, else random ones)"
    options.add_argument("--images", type=Path, metavar="FOLDER", help=text)
    options.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help=f"default: {OUTPUT}")
    options.add_argument("--schedule", default="modern", help="of params.yaml (default: modern)")
    given = options.parse_args(arguments)
    print(benchmark(Settings(**{**vars(given), "together": tuple(sorted(set(given.together)))})))
