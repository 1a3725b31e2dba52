"""Results do not depend on which instructions the processor has beyond AVX2."""

import os
import platform
import subprocess
import sys
from functools import cache

import pytest

from redenoise import instructions
from tests.conftest import ROOT

NEEDS = pytest.mark.skipif("avx2" not in instructions.described("flags").split(), reason="the processor lacks AVX2")
COMPUTED = """
import hashlib, io
from redenoise import instructions
import torch
from redenoise.measure.torch_mode import set_mode
set_mode("{mode}", 1)
import numpy as np
from PIL import Image
torch.manual_seed(0)
images, weights = torch.randn(2, 16, 40, 40), torch.randn(16, 16, 3, 3)
trained = weights.clone().requires_grad_()
found = [torch.conv2d(images, weights), images[0, 0] @ images[1, 0], torch.fft.rfft2(images).real, images.exp().sum()]
draw = np.random.default_rng(0).random((300, 300))
found += [np.log10(draw), np.exp(draw), draw @ draw]
found += torch.autograd.grad(torch.conv2d(images, trained).square().mean(), trained)
Image.fromarray((draw * 255).astype(np.uint8)).save(file := io.BytesIO(), "JPEG", quality=20)
found.append(np.asarray(Image.open(file)))
bits = b"".join(np.ascontiguousarray(one).tobytes() for one in found)
print(torch.backends.cpu.get_cpu_capability(), instructions.in_use(), hashlib.sha256(bits).hexdigest())
"""


# What hides wider vectors from the libraries that nothing here pins: the C library's, and those of JPEG and of hashes.
NARROW = {
    "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={','.join(f'-AVX512{part}' for part in ('F', 'VL', 'BW', 'DQ', 'CD'))}",
    "JSIMD_FORCEAVX2": "1",
    "OPENSSL_ia32cap": ":~0xc0010000",
}


@cache
def computed(mode: str, **environment: str) -> list[str]:
    """What PyTorch uses, what a record says, and a hash of results, in a process begun in some environment."""
    program, around = COMPUTED.format(mode=mode), {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=around, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@NEEDS
def test_results_are_those_of_avx2_whatever_the_environment_allows():
    wide = {
        "ATEN_CPU_CAPABILITY": "",
        "ONEDNN_MAX_CPU_ISA": "ALL",
        "MKL_CBWR": "",
        **dict.fromkeys(instructions.ARRAYS, ""),
    }
    assert computed("reference")[:2] == ["AVX2", "AVX2"]
    assert computed("reference", **wide) == computed("reference")


@NEEDS
def test_results_are_those_where_no_library_sees_more_than_avx2():
    assert computed("reference", **NARROW) == computed("reference")


@pytest.mark.skipif("avx512f" not in instructions.described("flags").split(), reason="the processor lacks AVX-512")
def test_fast_computes_with_what_the_processor_has():
    used, recorded, _ = computed("fast")
    assert (used, recorded) == ("AVX512", "AVX-512")


@pytest.mark.parametrize(
    ("flags", "expected"), [("sse2 avx", platform.machine()), ("avx avx2", "AVX2"), ("avx2 avx512f", "AVX-512")]
)
def test_a_record_names_what_may_be_used(monkeypatch: pytest.MonkeyPatch, flags: str, expected: str):
    monkeypatch.setattr(instructions, "described", lambda field: flags)
    for name in instructions.TENSORS:
        monkeypatch.setenv(name, "")
    assert instructions.in_use() == expected
    instructions.pin()
    assert instructions.in_use() == ("AVX2" if "avx2" in flags else expected)
    instructions.lift()
    assert instructions.in_use() == expected
