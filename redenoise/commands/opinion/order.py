"""The random orders that a rater sees, computed alike here and by `page.js`.

A page draws its orders from its own id and a random number of the rater's (the session), so that they differ from
rater to rater and can still be checked afterwards.
"""

from collections.abc import Sequence

MASK = 0xFFFFFFFF


def images(page: str, session: str, codes: Sequence[str]) -> list[str]:
    """Codes of the images in the order in which one rater sees them."""
    return shuffled(codes, f"{page}|{session}|images")


def panels(page: str, session: str, image: str, codes: Sequence[str]) -> list[str]:
    """Codes of the pictures of one image in the order in which one rater sees them."""
    return shuffled(codes, f"{page}|{session}|{image}")


def shuffled(values: Sequence[str], seed: str) -> list[str]:
    """The sorted values in an order that depends on nothing but them and the seed (ASCII): Fisher and Yates."""
    found, draw = sorted(values), _Mulberry(_fnv(seed))
    for last in range(len(found) - 1, 0, -1):
        other = int(draw() * (last + 1))
        found[last], found[other] = found[other], found[last]
    return found


def _fnv(text: str) -> int:
    """The 32-bit hash FNV-1a of ASCII text."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = (value ^ byte) * 0x01000193 & MASK
    return value


class _Mulberry:
    """The generator mulberry32: small, and exact in JavaScript's 32-bit arithmetic."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def __call__(self) -> float:
        """A number in [0, 1), a multiple of 2**-32."""
        self.state = self.state + 0x6D2B79F5 & MASK
        value = (self.state ^ self.state >> 15) * (self.state | 1) & MASK
        value ^= value + ((value ^ value >> 7) * (value | 61) & MASK) & MASK
        return (value ^ value >> 14) / 2**32
