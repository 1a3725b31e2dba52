"""What follows a convolution in training mode, in kernels of our own: normalisation, a sum with a residual and ReLU.

An alternative to `compiled` of step.py, which is what the mode `fast` takes on a GPU: `redenoise benchmark training`
measures both there. In fp32 the results are those of PyTorch's layers but for rounding; in bf16 they are rounded once
where those round after each operation.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
import triton
from torch import fx, nn

from redenoise.training import kernels

SPLITS = 32  # parts of the rows, whose sums are taken side by side
BLOCK = {"BLOCK_ROWS": 128, "BLOCK_CHANNELS": 32, "num_warps": 8}  # what a program has in its registers
LAYOUT = torch.channels_last  # images are matrices then: a row for each pixel, a column for each channel


def fused(network: nn.Module) -> Callable[..., torch.Tensor]:
    """What calls a network in training mode, with `NormReLU` where its layers or its sums are what that computes.

    The network stays as it is: what is returned has its parameters and statistics, in other modules. Where there is
    nothing to replace it is the network itself.
    """
    traced, count = fx.symbolic_trace(network), 0
    for relu in list(traced.graph.nodes):
        if not (found := _in_front_of(relu, traced)):
            continue
        norm, residual = found
        name, count = f"norm_relu_{count}", count + 1
        traced.add_module(name, NormReLU(traced.get_submodule(str(norm.target))))
        with traced.graph.inserting_before(relu):
            relu.replace_all_uses_with(traced.graph.call_module(name, (norm.args[0], residual)))
        for node in dict.fromkeys((relu, relu.args[0], norm)):
            traced.graph.erase_node(node)
    traced.recompile()
    return traced if count else network


def _in_front_of(relu: fx.Node, traced: fx.GraphModule) -> tuple[fx.Node, fx.Node | None] | None:
    """The normalisation whose result goes into a ReLU and nowhere else, and the residual that is added in between."""

    def is_layer(node: Any, kind: type[nn.Module]) -> bool:
        return node.op == "call_module" and isinstance(traced.get_submodule(node.target), kind)

    def is_norm(node: Any) -> bool:
        return isinstance(node, fx.Node) and is_layer(node, nn.BatchNorm2d) and len(node.users) == 1

    if not (relu.target is F.relu or is_layer(relu, nn.ReLU)):
        return None
    before = cast(fx.Node, relu.args[0])
    if is_norm(before):
        return before, None
    if before.target is operator.add and len(before.users) == 1:
        first, second = before.args
        if is_norm(second):
            return cast(fx.Node, second), cast(fx.Node, first)
    return None


class NormReLU(nn.Module):
    """A batch normalisation, the sum with a residual where there is one, and ReLU.

    Args:
        norm: with affine parameters and running statistics, which are used and kept up as it would in training mode.
    """

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, images: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        """(N, C, H, W), and the residual of the same shape, to the same shape, with channels last in memory."""
        norm = cast(nn.BatchNorm2d, self.norm)
        assert norm.num_batches_tracked is not None and norm.momentum is not None
        norm.num_batches_tracked.add_(1)
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.momentum)
        return _NormReLU.apply(images, residual, norm.weight, norm.bias, *statistics)


class _NormReLU(torch.autograd.Function):
    """The kernels, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any, images: torch.Tensor, residual: torch.Tensor | None, weight: torch.Tensor, bias: torch.Tensor,
        running_mean: torch.Tensor, running_var: torch.Tensor, eps: float, momentum: float,
    ) -> torch.Tensor:  # fmt: skip
        images = images.contiguous(memory_format=LAYOUT)
        output = torch.empty_like(images)
        if residual is not None:
            residual = residual.contiguous(memory_format=LAYOUT)
            output = torch.empty_like(images, dtype=torch.promote_types(images.dtype, residual.dtype))
        sizes, (parts, blocks) = _shape(images)
        partial = torch.empty(2, SPLITS, images.shape[1], device=images.device)
        saved = torch.empty(2, images.shape[1], device=images.device)
        kernels.moments[parts](images, partial, *sizes, **BLOCK)
        kernels.normalise[blocks](
            *(images, images if residual is None else residual, weight, bias, partial, output, saved),
            *(running_mean, running_var, *sizes, eps, momentum, residual is not None),
            **BLOCK,
        )
        ctx.save_for_backward(images, output, weight, saved)
        ctx.residual_dtype = None if residual is None else residual.dtype
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        images, output, weight, saved = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=LAYOUT)
        sizes, (parts, blocks) = _shape(images)
        partial = torch.empty(2, SPLITS, images.shape[1], device=images.device)
        summed = torch.empty_like(saved)
        before, residual = torch.empty_like(images), None
        if ctx.residual_dtype is not None:
            residual = torch.empty_like(images, dtype=ctx.residual_dtype)
        given = (images, output, gradient, saved)
        kernels.gradient_sums[parts](*given, partial, *sizes, **BLOCK)
        kernels.gradients[blocks](
            *(*given, weight, partial, before, before if residual is None else residual, summed),
            *(*sizes, residual is not None),
            **BLOCK,
        )
        return before, residual, summed[1].to(weight.dtype), summed[0].to(weight.dtype), None, None, None, None


def _shape(images: torch.Tensor) -> tuple[tuple[int, int, int, int], tuple[tuple[int, int], tuple[int, int]]]:
    """Rows, channels, rows of a part, and parts, of images as a matrix; the grids for its parts and for its blocks."""
    channels = images.shape[1]
    rows = images.numel() // channels
    blocks, across = triton.cdiv(rows, BLOCK["BLOCK_ROWS"]), triton.cdiv(channels, BLOCK["BLOCK_CHANNELS"])
    part = triton.cdiv(blocks, SPLITS) * BLOCK["BLOCK_ROWS"]
    return (rows, channels, part, SPLITS), ((SPLITS, across), (blocks, across))
