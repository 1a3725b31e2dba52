"""Procedural images: waves, clouds, discs, facets and glyphs, in integer arithmetic only.

The numbers come from the Philox4x64-10 generator (Salmon et al., SC 2011) keyed by a text, and nothing is ever
rounded but by integer division, so the pixels are the same on any machine.
"""

import hashlib
from collections.abc import Callable

import numpy as np


class Draws:
    """A stream of integers that depends on its key alone."""

    def __init__(self, key: str) -> None:
        words = np.frombuffer(hashlib.sha256(key.encode()).digest()[:16], dtype="<u8")
        self._bits = np.random.Philox(key=words)

    def integers(self, low: int, high: int, *shape: int) -> np.ndarray:
        """int64 values in [low, high), as an array of `shape`."""
        raw = self._bits.random_raw(int(np.prod(shape, dtype=np.int64)))
        return (np.atleast_1d(raw) % np.uint64(high - low)).astype(np.int64).reshape(shape) + low

    def integer(self, low: int, high: int) -> int:
        """One value in [low, high)."""
        return int(self.integers(low, high, 1)[0])


def pattern(name: str, key: str, size: int, channels: int) -> np.ndarray:
    """One image of a pattern.

    Args:
        name: one of `PATTERNS`.
        key: text that the image depends on, besides the other arguments.
        size: side in pixels.
        channels: 1 or 3.

    Returns:
        uint8 (size, size) or (size, size, 3).
    """
    values = PATTERNS[name](Draws(f"redenoise {name}|{key}|{size}|{channels}"), size, channels)
    image = np.clip(values, 0, 255).astype(np.uint8)
    return image[..., 0] if channels == 1 else image


def _waves(draws: Draws, size: int, channels: int) -> np.ndarray:
    """Four plane waves of different direction and length; an arc of a parabola stands for each half period."""
    y, x = np.mgrid[:size, :size]
    total = np.zeros((size, size, channels), dtype=np.int64)
    for _ in range(4):
        phase = (x * draws.integer(-90, 91) + y * draws.integer(-90, 91) + draws.integer(0, 1024)) % 1024
        half = phase % 512
        wave = half * (512 - half) * np.where(phase < 512, 1, -1)  # within +-65536
        total += wave[..., None] * draws.integers(10, 45, channels)
    return draws.integers(90, 166, channels) + total // 65536


def _clouds(draws: Draws, size: int, channels: int) -> np.ndarray:
    """Value noise of four octaves, between two colours."""
    octaves = [weight * _lattice(draws, size, cell) for cell, weight in ((32, 8), (16, 4), (8, 2), (3, 1))]
    noise = np.sum(octaves, axis=0) // 15
    low, high = draws.integers(0, 90, channels), draws.integers(160, 256, channels)
    stretched = np.clip(2 * noise[..., None] - 128, 0, 255)
    return low + stretched * (high - low) // 255


def _lattice(draws: Draws, size: int, cell: int) -> np.ndarray:
    """Random values 0 to 255 at every `cell`-th pixel, bilinear in between."""
    count = size // cell + 2
    corners = draws.integers(0, 256, count, count)
    index, fraction = np.divmod(np.arange(size), cell)
    weight = fraction[:, None]
    rows = corners[index] * (cell - weight) + corners[index + 1] * weight
    return (rows[:, index] * (cell - fraction) + rows[:, index + 1] * fraction) // cell**2


def _discs(draws: Draws, size: int, channels: int) -> np.ndarray:
    """Overlapping discs, every other one with a rim, on a plain ground."""
    y, x = np.mgrid[:size, :size]
    image = np.broadcast_to(draws.integers(0, 256, channels), (size, size, channels)).copy()
    for number in range(14):
        distance = (x - draws.integer(0, size)) ** 2 + (y - draws.integer(0, size)) ** 2
        radius = draws.integer(3, max(4, size // 4))
        image[distance <= radius**2] = draws.integers(0, 256, channels)
        if number % 2:
            image[distance <= (radius * 3 // 4) ** 2] = draws.integers(0, 256, channels)
    return image


def _facets(draws: Draws, size: int, channels: int) -> np.ndarray:
    """Linear gradients that meet at straight edges, on rough paper: bare gradients would all look alike."""
    y, x = np.mgrid[:size, :size]
    image = np.zeros((size, size, channels), dtype=np.int64)
    for _ in range(7):
        a, b = draws.integer(-50, 51), draws.integer(-50, 51)
        side = a * (x - draws.integer(0, size)) + b * (y - draws.integer(0, size)) >= 0
        start, end = draws.integers(0, 256, channels), draws.integers(0, 256, channels)
        along = (x + y)[..., None] if draws.integer(0, 2) else (x - y + size)[..., None]
        gradient = start + (end - start) * along // (2 * size)
        image = np.where(side[..., None], gradient, image)
    relief = _lattice(draws, size, max(3, size // 16))
    return image + (relief[..., None] - 128) // 4


def _glyphs(draws: Draws, size: int, channels: int) -> np.ndarray:
    """Lines of characters of an alphabet that nobody reads: random 5x7 bitmaps, two pixels to a dot."""
    alphabet = draws.integers(0, 2, 20, 7, 5)
    columns, lines = size // 12 + 1, size // 20 + 1
    page = np.zeros((lines * 10, columns * 6), dtype=np.int64)
    for line in range(lines):
        for column in range(columns):
            letter = draws.integer(0, 24)  # the last four are blanks between words
            if letter < len(alphabet):
                page[line * 10 + 1 : line * 10 + 8, column * 6 : column * 6 + 5] = alphabet[letter]
    ink = np.kron(page, np.ones((2, 2), dtype=np.int64))[:size, :size, None]
    return np.where(ink, draws.integers(0, 100, channels), draws.integers(170, 256, channels))


PATTERNS: dict[str, Callable[[Draws, int, int], np.ndarray]] = {
    "waves": _waves,
    "clouds": _clouds,
    "discs": _discs,
    "facets": _facets,
    "glyphs": _glyphs,
}
