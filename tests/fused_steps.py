"""Run in a process of its own under Triton's interpreter: how far the kernels are from PyTorch's layers, as JSON."""

import json
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.denoisers.dncnn import DnCNN
from redenoise.training.fused import NormReLU, fused
from redenoise.training.step import Learner, Step
from tests.training_project import CPU, network, patches, schedule

# Of images: more rows and channels than a block has, fewer than a block, and one channel.
SHAPES = {"many": (3, 40, 34, 17), "few": (2, 5, 3, 4), "one channel": (2, 1, 5, 5)}
SHORT = schedule(batch=2, optimizer="sgd", learning_rate=0.01, average=0.0)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest, as a share of the largest value."""
    return float((one.float() - other.float()).abs().max() / one.abs().max())


def of_layers(shape: tuple[int, int, int, int], sums: bool, dtype: torch.dtype) -> dict[str, float]:
    """Output, gradients and statistics of one normalisation, with or without a residual; PyTorch computes in fp32."""
    torch.manual_seed(0)
    images, residual, gradient = (make.to(dtype) for make in (3 + torch.randn(shape), *torch.randn(2, *shape)))
    one, other = (computed(make, images, residual if sums else None, gradient) for make in (plain, NormReLU))
    return {name: difference(value, other[name]) for name, value in one.items()}


def computed(
    make: Callable[..., Callable], images: torch.Tensor, residual: torch.Tensor | None, gradient: torch.Tensor
) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    norm = nn.BatchNorm2d(images.shape[1])
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    exact = torch.float32 if make is plain else images.dtype
    given = {"images": images, "residual": residual}
    given = {name: value.to(exact, copy=True).requires_grad_() for name, value in given.items() if value is not None}
    output = make(norm)(*given.values())
    output.backward(gradient.to(exact))
    parameters = {**given, **dict(norm.named_parameters())}
    gradients = {f"gradient of {name}": value.grad for name, value in parameters.items()}
    return {"output": output.detach(), **gradients, **dict(norm.named_buffers())}


def plain(norm: nn.Module) -> Callable[..., torch.Tensor]:
    return lambda images, residual=0.0: F.relu(residual + norm(images))


def of_steps(make: Callable[[], nn.Module]) -> dict[str, float]:
    """Three steps of a network; infinity where the network has changed, or a normalisation has not."""
    learners = [Learner(make(), (25, 25), SHORT, "reference", CPU) for _ in range(2)]
    one, other = (learner.network for learner in learners)
    learners[1].forward = call = fused(other)
    for learner in learners:
        step = Step([learner], patches(SHORT), 0)
        for number in range(3):
            step(number)
    same = list(one.state_dict()) == list(other.state_dict()) and list(map(type, one.modules())) == list(
        map(type, other.modules())
    )
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in one.modules())
    kernels = sum(str(node.target).startswith("norm_relu") for node in call.graph.nodes)
    states = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return {
        "loss": difference(*(learner.loss_sum for learner in learners)),
        "state": max(difference(*pair) for pair in states if pair[0].abs().max()),
        "as it was": 0.0 if same else math.inf,
        "all replaced": 0.0 if kernels == norms > 0 else math.inf,
    }


def dncnn() -> nn.Module:
    torch.manual_seed(0)
    return DnCNN(depth=4, width=6)


if __name__ == "__main__":
    measured = {
        f"{name}, {'with' if sums else 'without'} residual, {str(dtype).split('.')[1]}": of_layers(shape, sums, dtype)
        for name, shape in SHAPES.items()
        for sums in (False, True)
        for dtype in (torch.float32, torch.bfloat16)
    }
    measured |= {"multiscale": of_steps(lambda: network(scales=3)), "dncnn": of_steps(dncnn)}
    print(json.dumps(measured))
