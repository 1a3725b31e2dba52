"""What a device can do at best, and what a training step asks of it."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

WARM_UP_CALLS = 3
SIZES = {"cuda": (2048, 4096, 8192, 16384), "cpu": (512, 1024, 2048)}  # sides of the square matrices, by kind of device
CHANNELS = 256  # of the convolution that is measured beside them
CONVOLUTION = "convolution"  # its name among the sizes
# Of matrix products. `tf32` is a GPU's reduced precision for fp32 matrices.
PRECISIONS = {"cuda": ("bf16", "tf32", "fp32"), "cpu": ("bf16", "fp32")}


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def call_rate(call: Callable[[], object], seconds: float, fewest: int, device: torch.device) -> float:
    """Calls per second, after a warm-up, over about `seconds` and at least `fewest` calls.

    The number of calls is chosen beforehand: the host runs ahead of a GPU, so its clock says nothing in between.
    """
    for _ in range(WARM_UP_CALLS):
        call()
    trial, taken = 1, _seconds(call, 1, device)
    while taken < seconds / 20:
        trial *= 2
        taken = _seconds(call, trial, device)
    calls = max(fewest, math.ceil(seconds * trial / taken))
    return calls / _seconds(call, calls, device)


def measure(kind: str, size: str, most: int, device: torch.device, seconds: float) -> float:
    """TFLOP/s of a product of two square matrices, or of a 3x3 convolution, of random numbers.

    On some processors a library convolves faster than it multiplies matrices, and then that is the peak. A transform
    that needs fewer operations than are counted may be behind it.

    Args:
        kind: one of `PRECISIONS`.
        size: side of the matrices, or `CONVOLUTION`, which has `most` channels of 8 images of 48x48 pixels.
    """
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    if size == CONVOLUTION:
        convolution = nn.Conv2d(most, most, 3, padding=1, bias=False).to(device, dtype)
        convolution = convolution.to(memory_format=torch.channels_last)
        images = torch.randn(8, most, 48, 48, device=device).to(dtype, memory_format=torch.channels_last)
        call, flops = (lambda: convolution(images)), 2.0 * images.numel() * most * 9
    else:
        left, right = (torch.randn(int(size), int(size), device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(left)
        call, flops = (lambda: torch.mm(left, right, out=out)), 2.0 * int(size) ** 3
    with _tf32(kind == "tf32"), torch.no_grad():
        return flops * call_rate(call, seconds, 1, device) / 1e12


def count_flops(network: nn.Module, *shapes: tuple[int, ...]) -> dict[str, int]:
    """Floating-point operations of the convolutions and matrix products of one step, a multiply-add counted as two.

    Nothing else is counted: not normalisation, activation, loss or optimiser.

    Args:
        network: in training mode; on the meta device the counting costs nothing.
        shapes: of its inputs.

    Returns:
        `forward`, and `step`, with the backward pass.
    """
    device = next(network.parameters()).device
    with FlopCounterMode(display=False) as counter:
        output = network(*(torch.empty(shape, device=device) for shape in shapes))
        forward = counter.get_total_flops()
        output.sum().backward()
    return {"forward": forward, "step": counter.get_total_flops()}


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Whether a GPU may compute fp32 products with reduced precision."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _seconds(call: Callable[[], object], calls: int, device: torch.device) -> float:
    synchronise(device)
    start = time.perf_counter()
    for _ in range(calls):
        call()
    synchronise(device)
    return max(time.perf_counter() - start, 1e-9)
