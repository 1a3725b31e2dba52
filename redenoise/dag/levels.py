"""Which networks a family has, and what levels they are for: those of noise, and those of another degradation."""

from itertools import cycle, product
from typing import Any

from redenoise.dag import options


def level_ranges(family: dict) -> list[list[int]]:
    """Lowest and highest level of each range of a family's degradation that it is trained on; none for noise alone."""
    single = [[level, level] for level in family.get("levels", ())]
    return single or family.get("level_ranges") or ([family["level_range"]] if "level_range" in family else [])


def against_noise(family: dict) -> bool:
    """Whether noise, of levels of its own, is among what a family's networks are trained to remove."""
    return "sigmas" in family or "sigma_range" in family


def varied(family: dict) -> dict[str, dict[str, Any]]:
    """What sets the networks of a family apart besides their level: options out of its `variants`, by model name.

    There is a network for each combination of these options and for each level, of noise or of the family's
    degradation, or for the one range that it serves: `sigma25`, `model`, `depth_4-support_9-sigma25`.
    """
    if "levels" in family:
        levels = [f"{options.parameter(family['degradation'])}{level}" for level in family["levels"]]
    else:
        levels = [f"sigma{sigma:g}" for sigma in family["sigmas"]] if "sigmas" in family else ["model"]
    variants = family.get("variants", {})
    combinations = [dict(zip(variants, values, strict=True)) for values in product(*variants.values())]
    return {
        "-".join([*(f"{option}_{value}".lower() for option, value in changed.items()), level]): changed
        for changed in combinations
        for level in levels
    }


def model_names(family: dict) -> list[str]:
    """Names of a family's networks, see `varied`."""
    return list(varied(family))


def noise_ranges(family: dict) -> dict[str, list]:
    """Lowest and highest level of each of a family's networks, by its name."""
    single = family.get("sigmas") or family.get("levels", ())
    levels = [[level, level] for level in single] or [family.get("sigma_range") or family["level_range"]]
    return dict(zip(model_names(family), cycle(levels), strict=False))


def outside(family: dict, sigma: float) -> str:
    """What restricts the values at a noise level that no network of a family was trained for; empty at the others."""
    ranges = noise_ranges(family).values()
    if any(low <= sigma <= high for low, high in ranges):
        return ""
    spans = ", ".join(f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in ranges)
    return f"sigma {sigma:g} is outside of what the network was trained for ({spans})"
