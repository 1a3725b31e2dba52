"""Networks that are built for the shapes of their tensors alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

DRAWN = (torch.Tensor.normal_, torch.Tensor.uniform_)


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where random numbers would be drawn.

    There is no memory to draw them into; yet PyTorch would load its compiler to find out, which takes a second.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given = kwargs or {}
        if func in DRAWN or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


@contextmanager
def without_memory() -> Iterator[None]:
    """Networks built in this block have shapes and no values."""
    with torch.device("meta"), _Undrawn():
        yield
