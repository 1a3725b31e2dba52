"""What levels the networks of a family are for: those of noise, and those of another degradation."""


def level_ranges(family: dict) -> list[list[int]]:
    """Lowest and highest level of each range of a family's degradation that it is trained on; none for noise alone."""
    single = [[level, level] for level in family.get("levels", ())]
    return single or family.get("level_ranges") or ([family["level_range"]] if "level_range" in family else [])


def against_noise(family: dict) -> bool:
    """Whether noise, of levels of its own, is among what a family's networks are trained to remove."""
    return "sigmas" in family or "sigma_range" in family
