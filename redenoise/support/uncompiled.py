"""Optimisers of PyTorch without what they hold ready for its compiler."""

import inspect
from functools import cache
from typing import TypeVar

import torch

Optimizer = TypeVar("Optimizer", bound=torch.optim.Optimizer)
WRAPPED = ("add_param_group", "zero_grad", "load_state_dict", "state_dict")


@cache
def uncompiled(kind: type[Optimizer]) -> type[Optimizer]:
    """An optimiser that computes as `kind` does, and whose first step does not import torch.compile.

    PyTorch (2.15) wraps these methods for its compiler, which nothing here uses and whose import takes over a second;
    of the wrapper of `step` only that it records no gradients matters.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in WRAPPED}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(inspect.unwrap(kind.step))})
