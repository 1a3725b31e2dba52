"""Optimisers without PyTorch's compiler: the same weights, and no import of it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from redenoise.support.uncompiled import uncompiled

ROOT = Path(__file__).parents[1]
OPTIM = torch.optim


def trained(kind: type[torch.optim.Optimizer], **options) -> torch.Tensor:
    torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.randn(5, 3))
    optimizer = kind([{"params": [weights], "weight_decay": 0.1, "lr": torch.tensor(0.01)}], **options)
    for _ in range(3):
        optimizer.zero_grad(set_to_none=True)
        (torch.rand(7, 5) @ weights).square().sum().backward()
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    return weights.detach()


@pytest.mark.parametrize(
    ("kind", "options"),
    [(OPTIM.SGD, {"momentum": 0.9}), (OPTIM.Adam, {}), (OPTIM.AdamW, {}), (OPTIM.AdamW, {"fused": True})],
)
def test_weights_are_those_of_the_optimiser_itself(kind, options):
    assert torch.equal(trained(uncompiled(kind), **options), trained(kind, **options))


def test_a_step_does_not_import_the_compiler():
    program = "from tests.test_uncompiled import *; trained(uncompiled(OPTIM.AdamW)); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "torch.optim" in done.stdout.split()
    assert "torch._dynamo" not in done.stdout.split()
