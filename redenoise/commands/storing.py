"""Weights on their way into `weights/`: in 16 bits where that costs next to nothing, and what their card says of it.

Of the two kinds of 16 bits it is float16: it keeps 11 bits of a weight where bfloat16 keeps 8. Only weights beyond
65504 would fit that one alone; they are stored in 32.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from redenoise.dag import provenance
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file

Build = Callable[[dict], nn.Module]
Quality = Callable[[Any], float]


def stored(
    path: Path, network: nn.Module, spec: dict[str, Any], card: dict[str, Any], build: Build, quality: Quality,
    highest: float, unit: str,
) -> dict[str, Any]:  # fmt: skip
    """Write a network's weights and return its card, completed.

    Args:
        spec: the options from which `build` makes this network.
        card: with `family`, `model` and `origin`.
        quality: what a network is worth, the more the better, in `unit`.
        highest: the cost of 16 bits, of this, that is too much.
    """
    whole = quality(network)  # before anything is written
    save_network(path, network, spec, card["origin"], "float16")
    half = _read_back(path, build)
    cost = whole - (quality(half) if half else -math.inf)
    if cost < highest:
        return completed(card, path, network, "float16", cost)
    line = f"{card['family']} {card['model']}: 16 bits would cost {cost:.4f} {unit}, {highest} or more"
    print(f"{line}; stored in 32", file=sys.stderr, flush=True)
    save_network(path, network, spec, card["origin"])
    return completed(card, path, network, "float32", 0.0)


def completed(card: dict[str, Any], path: Path, network: nn.Module, precision: str, cost: float) -> dict[str, Any]:
    """A card with what it says of the file of a network's weights."""
    return card | {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "precision": precision,
        "precision_cost": round(cost, 6),
        "commit": provenance.commit()["commit"],
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
    }


def _read_back(path: Path, build: Build) -> nn.Module | None:
    """The network of a file, or None if a weight lies beyond the range of its precision."""
    try:
        return load_network(path, build=build)[0]
    except UserError:
        return None
