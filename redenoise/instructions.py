"""Which instructions of the processor results depend on: AVX2, and nothing that only some processors have besides.

Libraries choose their kernels by what the processor has, and wider vectors add in another order: without this, every
weight that AVX-512 trains differs from the one that AVX2 trains. Each library reads a variable of the environment,
numpy and OpenBLAS when they are imported, PyTorch, oneDNN and MKL at their first computation. So `pin` runs before
anything is imported, and the mode `fast` may still `lift` what concerns training.

A processor without AVX2 computes with what it has. Its results are marked: see `in_use`.
"""

import os
import platform
from functools import cache
from pathlib import Path

ARRAYS = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",  # two cores add in another order than one; PyTorch's threads are those of the scale
}
# MKL takes the same path on processors of every maker at its lowest level alone.
TENSORS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
EVERYWHERE = "AVX2"
# As the operating system calls the instructions for products of bf16, of x86 and of Arm processors.
HALF = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}


@cache
def described(field: str) -> str:
    """A field of the operating system's description of the processor, such as `flags`; empty where there is none."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    except OSError:
        pass
    return ""


def pin() -> None:
    """Keep this process and those that it starts to AVX2, on a processor that has it."""
    if "avx2" in described("flags").split():
        os.environ.update(ARRAYS | TENSORS)


def lift() -> None:
    """Let PyTorch use what the processor has; without effect once it has computed."""
    for name in TENSORS:
        os.environ.pop(name, None)


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for products of bf16; one without takes longer for them than for fp32."""
    return not HALF.isdisjoint([*described("flags").split(), *described("Features").split()])


def in_use() -> str:
    """The instructions that PyTorch may use, as a record has it: `AVX2` of a result that is the same everywhere."""
    return EVERYWHERE if TENSORS.items() <= os.environ.items() else widest()


def widest() -> str:
    """The widest vectors that the processor has: `AVX-512`, `AVX2`, or else the name of its kind."""
    flags = described("flags").split()
    wide = (name for flag, name in (("avx512f", "AVX-512"), ("avx2", EVERYWHERE)) if flag in flags)
    return next(wide, platform.machine())
