"""The mode of computing, set before the first tensor is made."""

import os

import torch

from redenoise import instructions
from redenoise.dag.provenance import describe_device
from redenoise.support.errors import UserError


def set_mode(mode: str, threads: int) -> None:
    """Prepare PyTorch for a mode.

    Args:
        mode: `reference`: fp32, eager, deterministic algorithms; the same bits on every run, and on every processor
            with AVX2. `fast`: whatever is fast, see `precision`; training in this mode differs from run to run on a
            GPU. A process that has computed in one of them keeps its instructions in the other.
        threads: CPU threads. Fixed by the scale and not by the machine, because the order of summation, and with it
            the last bits of a result, can depend on it.

    Raises:
        UserError: the mode is not known.
    """
    if mode not in ("reference", "fast"):
        raise UserError(f"mode {mode!r} is not known; allowed: reference, fast")
    reference = mode == "reference"
    if reference:
        instructions.pin()
    else:
        instructions.lift()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    # The same as torch.use_deterministic_algorithms, which imports torch.compile's machinery for seconds besides.
    torch.set_deterministic_debug_mode("error" if reference else "default")
    # Nothing here reads memory before it has written it; filling it all first takes a seventh of a training.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not reference
    torch.backends.cuda.matmul.allow_tf32 = not reference
    torch.backends.cudnn.allow_tf32 = not reference  # PyTorch allows it by default: not fp32


def precision(mode: str, device: torch.device) -> str:
    """`bf16` or `fp32`: what a network is trained in. On a processor, bf16 is fast only with instructions for it."""
    return "bf16" if mode == "fast" and (device.type == "cuda" or instructions.multiplies_bf16()) else "fp32"


def named(mode: str, device: torch.device) -> str:
    """A mode as keys of checkpoints, cards and records have it: `reference`, or `fast` with its precision."""
    return f"{mode}, {precision(mode, device)}" if mode == "fast" else mode


def device() -> torch.device:
    """Where networks compute: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_facts(device: torch.device) -> dict[str, str]:
    """What a record says of where networks compute: its name, and what results depend on."""
    if device.type != "cuda":
        return {"device": describe_device()}
    name = torch.cuda.get_device_name(device)
    return {"device": name, "instructions": name}
