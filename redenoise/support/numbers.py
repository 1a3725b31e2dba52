"""Numbers that may be results: finite ones, and one that is not, the PSNR of an image without any error."""

import math
import re
from decimal import ROUND_FLOOR, Decimal

NUMBER = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
LARGEST = 1e15  # no value, count or size comes near it
EXACT = "exact"  # how infinity is written wherever a value is shown or kept


def is_number(field: str) -> bool:
    """Whether a text is a decimal number as this project writes them, below `LARGEST`."""
    return NUMBER.fullmatch(field) is not None and abs(float(field)) < LARGEST


def number(field: str) -> float:
    """The number of a text; raises `ValueError` where `is_number` does not hold."""
    if not is_number(field):
        raise ValueError(f"{field!r:.40} is no number")
    return float(field)


def fixed(value: float, decimals: int) -> str:
    """A value with fixed decimals, or `EXACT`.

    Raises:
        ValueError: it is no number, or minus infinity.
    """
    if math.isnan(value) or value == -math.inf:
        raise ValueError(f"{value} is no result")
    return EXACT if value == math.inf else f"{value:.{decimals}f}"


def shortened(text: str, decimals: int, form: str = "") -> str:
    """A kept number with fewer decimals: rounded once, from the decimals that are kept, a tie up; or `EXACT`.

    So every page, whatever it is made from, shows what a reader who rounds the CSV file's value finds. Up is towards
    plus infinity, for which a value and its difference to a printed one round alike.

    Args:
        text: the number as `fixed` writes it.
        form: what stands before `f` in Python's format: `,` separates groups, `+` shows every sign.
    """
    if text == EXACT:
        return text
    units = (Decimal(text).scaleb(decimals) + Decimal("0.5")).to_integral_value(ROUND_FLOOR)
    return f"{units.scaleb(-decimals):{form}f}"
