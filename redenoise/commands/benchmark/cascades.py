"""What joint training and its evaluation cost here.

Full-size denoiser and task networks with random weights, on random images at the published sizes: the numbers depend on
shapes alone. Measures images per second and peak memory of joint training and of recognition for both tasks, and works
out the hours that tables 4 and 5 of Liu et al. 2020 would take on this device. Each measurement has a process of its
own, since a processor's peak memory can be read only for a whole process. Output: `<folder>/cascades-<device>.md` and
`.json`.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from redenoise.commands.benchmark import machine
from redenoise.commands.benchmark.machine import say, table, usable_cores
from redenoise.commands.benchmark.peaks import call_rate
from redenoise.commands.parsing import parser
from redenoise.dag.config import PARAMS, read_yaml
from redenoise.joint.learner import JointLearner
from redenoise.joint.losses import Weights
from redenoise.measure import torch_mode
from redenoise.measure.torch_mode import named, set_mode
from redenoise.models import denoisers, recognizers
from redenoise.support.errors import UserError
from redenoise.training.schedule import Schedule

# Cascade of params.yaml that stands for each task, side of the images that its evaluation feeds to the networks
# (Pascal VOC's are of different sizes, 500x375 for most), and images of the set that its table is measured on.
SUBJECTS = {"classification": ("classify_2020", (224, 224), 50_000), "segmentation": ("segment_2020", (375, 500), 1449)}
LEARNED = 3  # of the table's methods: Separate, Joint, Cross-Task; the task network alone is counted with them
EVALUATED_TOGETHER = 8


def measure(task: str, part: str, seconds: float, sizes: dict[str, Any] | None = None) -> dict[str, float]:
    """Images per second and peak memory of one part of the work on one task.

    Args:
        task: a key of `SUBJECTS`.
        part: `training` (mode `fast`, batch and crop of the published schedule) or `recognition` (mode `reference`).
        seconds: about how long to measure.
        sizes: replace those of params.yaml, for tests: `network` and `task` (options), `patch`, `batch`, `image`.

    Returns:
        `images_per_second`; `memory`, in bytes, of the GPU, or of the whole process where there is none.
    """
    sizes = sizes or {}
    device = torch_mode.device()
    set_mode("fast" if part == "training" else "reference", usable_cores())
    work, images = (_training if part == "training" else _recognition)(task, device, sizes)
    rate = images * call_rate(work, seconds, 1, device)
    on_gpu = device.type == "cuda"
    memory = torch.cuda.max_memory_allocated() if on_gpu else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"images_per_second": rate, "memory": float(memory)}


def _training(task: str, device: torch.device, sizes: dict[str, Any]) -> tuple[Callable[[], object], int]:
    cascade, schedule, denoiser, network = _networks(task, sizes)
    side, batch = sizes.get("patch", schedule.patch), sizes.get("batch", schedule.batch)
    weights = Weights(*(cascade[name] for name in ("reconstruction", "range", "perceptual", "high_level")))
    learner = JointLearner(denoiser, (45, 45), schedule, "fast", device, task=network, weights=weights)
    clean, noise = torch.rand(batch, 3, side, side, device=device), torch.randn(batch, 3, side, side, device=device)
    shape = (batch, side, side) if network.kind == "segmentation" else (batch,)
    labels = torch.randint(0, network.classes, shape, device=device)
    learner.set_step(0)
    return lambda: learner.update(clean, noise, torch.zeros(batch, device=device), labels), batch


def _recognition(task: str, device: torch.device, sizes: dict[str, Any]) -> tuple[Callable[[], object], int]:
    *_, denoiser, network = _networks(task, sizes)
    denoiser, network = denoiser.to(device).eval(), network.to(device).eval()
    images = torch.rand(EVALUATED_TOGETHER, 3, *sizes.get("image", SUBJECTS[task][1]), device=device)
    level = torch.full((EVALUATED_TOGETHER,), 45 / 255, device=device)
    return torch.inference_mode()(lambda: network(denoiser(images, level)).argmax(dim=1)), EVALUATED_TOGETHER


def _networks(task: str, sizes: dict[str, Any]) -> tuple[dict, Schedule, torch.nn.Module, recognizers.TaskNetwork]:
    params = read_yaml(PARAMS)
    cascade = params["cascades"][SUBJECTS[task][0]]
    denoiser = denoisers.build({**params["families"][cascade["initial"]]["network"], **sizes.get("network", {})})
    network = recognizers.build({**params["tasks"][task]["network"], **sizes.get("task", {})})
    return cascade, Schedule(**params["schedules"][cascade["schedule"]]), denoiser, network


def hours(found: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """Hours for the learned columns of tables 4 and 5: four noise levels, joint training once for each task.

    Without the separate denoisers, which `redenoise benchmark training` is about, the training of the task
    networks, and CBM3D.

    Args:
        found: task to part to the result of `measure`.
    """
    params = read_yaml(PARAMS)
    total = {}
    for task, (key, _, images) in SUBJECTS.items():
        cascade = params["cascades"][key]
        schedule, levels = params["schedules"][cascade["schedule"]], len(cascade["sigmas"])
        seen = levels * schedule["steps"] * schedule["batch"]
        rates = {part: result["images_per_second"] for part, result in found[task].items()}
        total[f"{task}, training"] = seen / rates["training"] / 3600
        total[f"{task}, recognition"] = levels * LEARNED * images / rates["recognition"] / 3600
    return total


def render(record: dict[str, Any]) -> str:
    """The report's Markdown page."""
    here = record["machine"]
    measured = [
        [task, part, f"{result['images_per_second']:.3g}", f"{result['memory'] / 1e9:.2f}"]
        for task, parts in record["found"].items()
        for part, result in parts.items()
    ]
    needed = [*record["hours"].items(), ("all", sum(record["hours"].values()))]
    memory = "the GPU" if here["kind"] == "cuda" else "the whole process"
    lines = [
        f"# Cost of the cascades on {here['device']}",
        "<!-- Generated by `redenoise benchmark cascades`; do not edit. -->",
        f"{here['cores']} cores, PyTorch {here['torch']}, commit {record['commit']}. Full-size networks with "
        "random weights on random images of the published sizes. Training is one network in mode "
        f"`{record['mode']}` at the published batch and crop, reading of images not included; recognition is denoiser "
        f"and task network in mode `reference`. Memory is the peak of {memory}.",
        table(["task", "part", "images/s", "memory, GB"], measured, words=2),
        "Estimated from these rates, hours for tables 4 and 5 of Liu et al. 2020 on this device: the published "
        "schedules of joint training at four noise levels, and the recognition of all images behind the three learned "
        "denoisers (separate, joint, cross-task). The separate denoisers, the task networks and CBM3D come on top.",
        table(["part", "hours"], [[name, f"{one:,.0f}" if one >= 100 else f"{one:.3g}"] for name, one in needed]),
    ]
    return "\n\n".join(lines) + "\n"


def benchmark(seconds: float, output: Path) -> Path:
    """Measure both tasks, each part in a process of its own, and write the report; returns its Markdown page."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for task in SUBJECTS:
        for part in ("training", "recognition"):
            command = [sys.executable, "-m", "redenoise", "benchmark", "cascades"]
            command += ["--seconds", str(seconds), "--part", task, part]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise UserError(f"{task}, {part}: its process ended with code {done.returncode}; see the lines above")
            found.setdefault(task, {})[part] = result = json.loads(done.stdout)
            say(f"{task}, {part}: {result['images_per_second']:.3g} images/s, {result['memory'] / 1e9:.2f} GB")
    device = torch_mode.device()
    here, mode = machine.describe_machine(device, usable_cores()), named("fast", device)
    record = {"machine": here, "commit": machine.commit(), "mode": mode, "seconds": seconds, "found": found}
    record["hours"] = hours(found)
    return machine.store(output / f"cascades-{machine.slug(here)}.md", record, render(record))


def main(arguments: list[str] | None = None) -> None:
    """Command line of the benchmark."""
    options = machine.options(parser("benchmark cascades", __doc__, scale=False), 20.0)
    options.add_argument("--part", nargs=2, metavar=("TASK", "PART"), help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    if given.part:
        task, part = given.part
        print(json.dumps(measure(task, part, given.seconds)))
        return
    print(f"report: {benchmark(given.seconds, given.output)}")
