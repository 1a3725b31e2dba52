"""Figures 3 and 4 of Kligvasser et al. 2018 as numbers: ConvNets and xNets, their parameters and what they reach."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from redenoise.dag.config import Config
from redenoise.dag.levels import varied
from redenoise.support.numbers import fixed
from stages.report.rows import Context
from stages.report.weights import Network, cards

POINT_COLUMNS = ("network", "support", "depth", "parameters", "activation_parameters", "psnr", "note")
SHARE_COLUMNS = ("network", "support", "parameters", "share", "psnr", "note")
FAMILIES = {"convnet": "ConvNet", "xnet": "xNet"}  # to the paper's names
TOTAL = 99_136  # parameters, of figure 4
COUNTS = ("params_without_bias", "activation_params")  # of the stage `architecture`
BEYOND = "no two networks of this support have fewer and more parameters than that"


@dataclass(frozen=True)
class Point:
    """One network: its name, support (0 for ReLU) and depth, what it counts and reaches, or in `note` why nothing.

    Parameters, all and those in its xUnits, are as section 3 counts them: biases of convolutions are left out, as in
    the printed 303K of xDnCNN.
    """

    network: str
    support: int
    depth: int
    parameters: int
    in_activations: int
    psnr: float | None
    note: str


def points(context: Context) -> Iterator[Point]:
    """Every network of figure 3 that is counted, as this scale makes it; PSNR is of its last validation, in dB."""
    config, records = context.config, context.records
    for family in [name for name in FAMILIES if name in config.keys("train")]:
        name, entry, found = FAMILIES[family], config.entry("train", family), cards(config, records, family)
        missing = records.get(f"train-{family}", {}).get("unavailable", "not trained or imported yet")
        for model, changed in varied(entry).items():
            options = {**config.network(entry), **changed}
            psnr = Network(family, model, found[model]).last_validation if model in found else None
            counts = [context.measured.counts.get((f"{family}/{model}", metric)) for metric in COUNTS]
            support, note = options.get("support", 0), "" if psnr is not None else missing
            if (whole := counts[0]) is not None and (part := counts[1]) is not None:
                yield Point(name, support, options["depth"], whole, part, psnr, note)


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
