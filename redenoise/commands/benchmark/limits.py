"""Where the time of a training step goes: by part of the step, by operator, by kernel."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from redenoise.commands.benchmark.peaks import WARM_UP_CALLS, synchronise

SEGMENTS = ("data", "forward", "loss and backward", "optimiser", "rest")
TOP = 8


def segments(
    step: Callable[[], object], network: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device, steps: int
) -> dict[str, float]:
    """Median seconds of each of `SEGMENTS` in an eager step, measured with a synchronisation at every border.

    `data` is everything before the network: patches, noise, rates; `rest` everything after the optimiser, such as the
    moving average. On a GPU the parts add up to more than a step takes when nobody looks.

    Args:
        step: one update of `network` by `optimizer`, and of nothing else.
    """
    stamps: list[float] = []

    def stamp(*_: object) -> None:
        synchronise(device)
        stamps.append(time.perf_counter())

    hooks = [network.register_forward_pre_hook(stamp), network.register_forward_hook(stamp)]
    hooks += [optimizer.register_step_pre_hook(stamp), optimizer.register_step_post_hook(stamp)]
    try:
        rows = []
        for _ in range(WARM_UP_CALLS + steps):
            stamps.clear()
            stamp()
            step()
            stamp()
            rows.append([after - before for before, after in zip(stamps[:-1], stamps[1:], strict=True)])
    finally:
        for hook in hooks:
            hook.remove()
    medians = [statistics.median(column) for column in zip(*rows[WARM_UP_CALLS:], strict=True)]
    return dict(zip(SEGMENTS, medians, strict=True))


def operators(step: Callable[[], object], device: torch.device, steps: int) -> dict[str, Any]:
    """What an eager step consists of, by PyTorch's profiler.

    Returns:
        `busy`: seconds per step of all operators, on a GPU of all kernels; `counted`: share of it in convolutions and
        matrix products, those that FLOPs are counted of; `operators`: the `TOP` by time of their own, each with `name`,
        `share`, `seconds` and `calls` per step; on a GPU also `kernels`, likewise. Shares are of `busy`.
    """
    on_gpu = device.type == "cuda"
    for _ in range(WARM_UP_CALLS):
        step()
    synchronise(device)
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * on_gpu) as found:
        for _ in range(steps):
            step()
        synchronise(device)
    taken = "self_device_time_total" if on_gpu else "self_cpu_time_total"  # in microseconds
    rows: dict[DeviceType, list] = {DeviceType.CPU: [], DeviceType.CUDA: []}
    for event in found.key_averages():
        if event.device_type in rows and not event.is_user_annotation:
            rows[event.device_type].append((event.key, getattr(event, taken), event.count))
    total = sum(row[1] for row in rows[DeviceType.CUDA if on_gpu else DeviceType.CPU]) or 1.0
    result = {
        "busy": total / 1e6 / steps,
        "counted": sum(row[1] for row in rows[DeviceType.CPU] if _is_counted(row[0])) / total,
        "operators": _top(rows[DeviceType.CPU], total, steps),
    }
    return result | ({"kernels": _top(rows[DeviceType.CUDA], total, steps)} if on_gpu else {})


def _is_counted(name: str) -> bool:
    return name.startswith(("aten::", "mkldnn::")) and ("conv" in name or name.endswith(("mm", "matmul")))


def _top(rows: list[tuple[str, float, int]], total: float, steps: int) -> list[dict[str, Any]]:
    """The first rows of (name, microseconds, calls) by time, per step, with their shares of all microseconds."""
    longest = sorted(rows, key=lambda row: (-row[1], row[0]))[:TOP]
    return [
        {"name": name, "share": taken / total, "seconds": taken / 1e6 / steps, "calls": calls / steps}
        for name, taken, calls in longest
        if taken > 0
    ]
