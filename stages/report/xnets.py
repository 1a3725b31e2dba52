"""Figures 3 and 4 of Kligvasser et al. 2018 as numbers: ConvNets and xNets, their parameters and what they reach."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from redenoise.dag.config import Config
from redenoise.dag.references import varied
from redenoise.support.numbers import fixed
from stages.report.weights import Network, Records, cards

POINT_COLUMNS = ("network", "support", "depth", "parameters", "activation_parameters", "psnr", "note")
SHARE_COLUMNS = ("network", "support", "parameters", "share", "psnr", "note")
FAMILIES = {"convnet": "ConvNet", "xnet": "xNet"}  # to the paper's names
TOTAL = 99_136  # parameters, of figure 4
BEYOND = "no two networks of this support have fewer and more parameters than that"


@dataclass(frozen=True)
class Point:
    """One network: its name, support (0 for ReLU) and depth, what it counts and reaches, or in `note` why nothing."""

    network: str
    support: int
    depth: int
    parameters: int
    in_activations: int
    psnr: float | None
    note: str


def counted(options: dict[str, Any]) -> tuple[int, int]:
    """Parameters of a ConvNet or an xNet, and those in its xUnits, as section 3 counts them.

    Biases of convolutions are left out, as in the printed 303K of xDnCNN.

    Args:
        options: of its network in params.yaml; without a `support` it is a ConvNet.
    """
    channels, depth, width = (options[name] for name in ("channels", "depth", "width"))
    convolutions, hidden = 9 * width * (2 * channels + (depth - 2) * width), depth - 1
    if "support" not in options:
        return convolutions + hidden * 2 * width, 0
    units = hidden * (options["support"] ** 2 + 4) * width
    return convolutions + (hidden - 1) * 2 * width + units, units


def points(config: Config, records: Records) -> Iterator[Point]:
    """Every network of figure 3 as this scale makes it; PSNR is that of its last validation, in dB."""
    for family in [name for name in FAMILIES if name in config.keys("train")]:
        name, entry, found = FAMILIES[family], config.entry("train", family), cards(config, records, family)
        missing = records.get(f"train-{family}", {}).get("unavailable", "not trained or imported yet")
        for model, changed in varied(entry).items():
            options = {**config.network(entry), **changed}
            psnr = Network(family, model, found[model]).last_validation if model in found else None
            support, note = options.get("support", 0), "" if psnr is not None else missing
            yield Point(name, support, options["depth"], *counted(options), psnr, note)


def point_rows(found: Iterable[Point]) -> Iterator[tuple[str, ...]]:
    """Figure 3 by `POINT_COLUMNS`, PSNR with four decimals."""
    for one in found:
        counts = (one.support, one.depth, one.parameters, one.in_activations)
        yield one.network, *map(str, counts), _psnr(one.psnr), one.note


def share_rows(config: Config, found: Iterable[Point]) -> Iterator[tuple[str, ...]]:
    """Figure 4 by `SHARE_COLUMNS`: what the curves of figure 3 have at one number of parameters.

    Between two networks of one support both the share in activations, in %, and the PSNR are interpolated linearly. The
    number is the paper's; miniatures have none so large, theirs is halfway through what all supports reach.
    """
    curves: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for one in sorted(found, key=lambda point: point.parameters):
        curves[one.network, one.support].append(one)
    total = TOTAL
    if config.settings["miniature"] and curves:
        ends = [[curve[end].parameters for curve in curves.values()] for end in (0, -1)]
        total = (max(ends[0]) + min(ends[1])) // 2
    for (network, support), curve in sorted(curves.items()):
        pairs = ((low, high) for low, high in pairwise(curve) if low.parameters <= total <= high.parameters)
        low, high = next(pairs, (None, None))
        if low is None or high is None:
            yield network, str(support), str(total), "", "", BEYOND
            continue
        part = (total - low.parameters) / (high.parameters - low.parameters)
        inside = low.in_activations + part * (high.in_activations - low.in_activations)
        psnr = None
        if low.psnr is not None and high.psnr is not None:
            psnr = low.psnr + part * (high.psnr - low.psnr)
        yield network, str(support), str(total), fixed(100 * inside / total, 2), _psnr(psnr), low.note or high.note


def _psnr(value: float | None) -> str:
    return "" if value is None else fixed(value, 4)
