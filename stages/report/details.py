"""What decides the verdict on a cell: how print is rounded, how far the value moves with the seed, or the tolerance.

The status of a cell depends on none of this: a cell that is off by its tolerance stays off.
"""

SURE = 2  # standard deviations of a value that was measured once
ROUNDING = "within rounding"  # the measured value is one that print could be the rounding of
SPREAD = "within the spread"  # with another seed it could be
TOLERANCE = "within the tolerance"  # neither explains the difference, or nobody knows the spread
UNDECIDED = "off, yet within the spread"  # off by the tolerance, but another seed might have moved it there
OFF = "off"
DETAILS = (ROUNDING, SPREAD, TOLERANCE, UNDECIDED, OFF)

WORDS = {OFF: "beyond the tolerance"}  # beside a verdict, where `off` would say the same twice


def words(found: str) -> str:
    """One of `DETAILS`, or nothing, as a page says it of a difference from print."""
    return WORDS.get(found, found)


def detail(delta: float, rounding: float, deviation: float | None, reproduced: bool) -> str:
    """One of `DETAILS`.

    Args:
        delta: reproduced minus printed.
        rounding: half a unit of the printed last place.
        deviation: one standard deviation over seeds of a value that was measured once, None where nobody knows it.
        reproduced: the verdict.
    """
    beyond = abs(delta) - rounding - 1e-9
    if reproduced and beyond <= 0:
        return ROUNDING
    if deviation is not None and beyond <= SURE * deviation:
        return SPREAD if reproduced else UNDECIDED
    return TOLERANCE if reproduced else OFF
