"""The kernels of our own: as PyTorch's layers under Triton's interpreter, and compiled for a GPU that is not here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT

triton = pytest.importorskip("triton", reason="Triton is not installed: the kernels are not run")

from redenoise.models.denoisers import build  # noqa: E402
from redenoise.training import kernels  # noqa: E402
from redenoise.training.fused import BLOCK, SPLITS, fused  # noqa: E402
from tests.fused_steps import dncnn  # noqa: E402 (what it imports needs Triton)

# The largest difference, as a share of the largest value.
BOUNDS = {"float32": 2e-6, "bfloat16": 2**-7, "multiscale": 1e-5, "dncnn": 1e-5}
WIDE = {"images", "residual", "output", "gradient", "before"}
WHOLE = {"rows", "channels", "part"}
SINGLE = {"eps", "momentum"}


def test_kernels_compute_what_the_layers_of_pytorch_do():
    """Output, all gradients and running statistics of a layer; loss and weights after three steps of a network."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.fused_steps"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name.split(", ")[-1] for name in found} == set(BOUNDS)
    assert {"output", "gradient of images", "gradient of residual", "gradient of weight", "running_var"} <= set(
        found["many, with residual, float32"]
    )
    for name, values in found.items():
        assert max(values.values()) < BOUNDS[name.split(", ")[-1]], name


@pytest.mark.parametrize("kernel", ["moments", "normalise", "gradient_sums", "gradients"])
def test_kernels_compile_for_a_gpu(kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    function, constants = getattr(kernels, kernel), {**BLOCK, "SPLITS": SPLITS, "SUMS": True}
    fixed = {name: constants[name] for name in function.arg_names if name in constants}
    kinds = {name: "*bf16" for name in WIDE} | {name: "i32" for name in WHOLE} | {name: "fp32" for name in SINGLE}
    signature = {name: "constexpr" if name in fixed else kinds.get(name, "*fp32") for name in function.arg_names}
    places = {(function.arg_names.index(name),): value for name, value in fixed.items()}
    options = {"num_warps": BLOCK["num_warps"]}
    made = triton.compile(ASTSource(function, signature, places), target=GPUTarget("cuda", 90, 32), options=options)
    assert f"{kernel}(" in made.asm["ptx"] and made.asm["cubin"]


def test_a_network_without_normalisation_is_called_as_it_is():
    network = build({"name": "dncnn", "channels": 1, "depth": 3, "width": 4, "batch_norm": False})
    assert fused(network) is network
    normalised = dncnn()
    assert isinstance(fused(normalised), torch.fx.GraphModule)
