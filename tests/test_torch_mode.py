"""Modes of computing."""

import subprocess
import sys

import pytest
import torch

from redenoise import instructions
from redenoise.measure.torch_mode import named, precision, set_mode
from redenoise.support.errors import UserError
from tests.conftest import ROOT

PROGRAM = """
import sys, torch
from redenoise.measure.torch_mode import set_mode
set_mode("{mode}", 1)
print(torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled())
print(torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
print(torch.get_num_threads(), "torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("reference", ["True False", "False False False", "1 False"]),
        ("fast", ["False False", "True True True", "1 False"]),
    ],
)
def test_what_a_mode_sets_without_the_machinery_of_compilation(mode: str, expected: list[str]):
    program = PROGRAM.format(mode=mode)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize(
    ("field", "found", "kind", "expected"),
    [
        ("flags", "avx2 avx512f avx512_vnni", "cpu", "fp32"),
        ("flags", "avx2 avx512f avx512_bf16", "cpu", "bf16"),
        ("flags", "avx2 amx_tile amx_bf16", "cpu", "bf16"),
        ("Features", "fp asimd sve", "cpu", "fp32"),
        ("Features", "fp asimd bf16", "cpu", "bf16"),
        ("Features", "fp sve svebf16", "cpu", "bf16"),
        ("flags", "", "cpu", "fp32"),
        ("flags", "avx2", "cuda", "bf16"),
    ],
)
def test_fast_is_bf16_where_the_device_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, field: str, found: str, kind: str, expected: str
):
    monkeypatch.setattr(instructions, "described", lambda name: found if name == field else "")
    device = torch.device(kind)
    assert (precision("fast", device), named("fast", device)) == (expected, f"fast, {expected}")
    assert (precision("reference", device), named("reference", device)) == ("fp32", "reference")


def test_an_unknown_mode_is_named():
    with pytest.raises(UserError, match="mode 'quick' is not known; allowed: reference, fast"):
        set_mode("quick", 1)
