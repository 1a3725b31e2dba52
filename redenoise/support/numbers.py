"""Numbers that may be results: finite ones, and one that is not, the PSNR of an image without any error."""

import math

EXACT = "exact"  # how infinity is written wherever a value is shown or kept


def is_number(field: str) -> bool:
    """Whether a text is a finite decimal number."""
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False


def fixed(value: float, decimals: int, thousands: str = "") -> str:
    """A value with fixed decimals, or `EXACT`; `thousands` separates groups.

    Raises:
        ValueError: it is no number, or minus infinity.
    """
    if math.isnan(value) or value == -math.inf:
        raise ValueError(f"{value} is no result")
    return EXACT if value == math.inf else f"{value:{thousands}.{decimals}f}"
