"""How large a square of its input one output pixel of a network depends on: its receptive field.

Found by running the network once on a small image and following every operation: a convolution or a pooling of side k,
dilation d and stride s widens what each pixel of its input depends on by (k - 1) d of that input's own steps, and makes
the steps s times as long; where operands meet, the widest counts, since all are centred on the same pixel. So filters
that are no layers count, as those of TNRD, and branches count once, as the gates of an xUnit.

Left out: a Fourier transform, by which CSF divides. It reaches the whole image, with weights that fall fast, and Zhang
et al. 2017, table I, count the convolutions of CSF alone.
"""

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

SIDE = 32  # of the image that is sent through the network, pixels
MIXING = ("aten::pixel_shuffle", "aten::unfold", "aten::im2col", "aten::mm", "aten::bmm", "aten::addmm")
POOLS = ("aten::avg_pool2d", "aten::max_pool2d_with_indices", "aten::max_pool2d")


class Field(NamedTuple):
    """What one pixel of a tensor depends on: a square of `side` input pixels, `step` of them from pixel to pixel."""

    side: int = 1
    step: int = 1


class Uneven(Exception):
    """What a pixel depends on differs from pixel to pixel: features are made larger again, or pixels mixed by place."""


class _Followed(TorchDispatchMode):
    """Follows the field of every tensor that is made from those in `fields`."""

    def __init__(self, fields: WeakTensorKeyDictionary) -> None:
        super().__init__()
        self.fields = fields

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor)]
        known = [self.fields[tensor] for tensor in given if tensor in self.fields]
        made = func(*args, **(kwargs or {}))
        if known:
            widest = Field(*(max(values) for values in zip(*known, strict=True)))
            field = _after(func._schema.name, widest, args)
            for tensor in (leaf for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)):
                self.fields[tensor] = field
        return made


def _after(name: str, field: Field, args: tuple) -> Field:
    """The field after an operation on a tensor of that field; raises `Uneven`."""
    if name == "aten::convolution":
        _, weight, _, stride, _, dilation, transposed, *_ = args
        if transposed:
            raise Uneven
        return _widened(field, (weight.shape[-1] - 1) * dilation[-1], stride[-1])
    if name in POOLS:
        side, stride = args[1][-1], (args[2] or args[1])[-1]
        return _widened(field, side - 1, stride)
    if name.startswith(MIXING):
        raise Uneven
    return field


def _widened(field: Field, by: int, stride: int) -> Field:
    return Field(field.side + by * field.step, field.step * stride)


def receptive_field(network: nn.Module, channels: int) -> int | None:
    """Side of the square in pixels; None where it is not the same for all pixels, as of a network that makes its
    features larger again, cuts out patches, or multiplies by matrices that mix pixels.

    Args:
        network: a denoiser, as `redenoise.models.denoisers` has them.
        channels: of its images.
    """
    image = torch.zeros(1, channels, SIDE, SIDE)
    fields = WeakTensorKeyDictionary({image: Field()})
    with torch.no_grad(), _Followed(fields):
        try:
            restored = network.eval()(image, torch.full((1,), 0.1))
        except Uneven:
            return None
    return fields[restored].side
