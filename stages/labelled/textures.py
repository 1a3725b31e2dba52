"""Stand-ins for labelled photographs: textured shapes on smooth grounds, in integer arithmetic only.

A class is one of four shapes and one of two textures. The textures have the same mean, the same contrast and the same
spatial frequency, about a quarter of a cycle per pixel, and differ in their orientations alone: stripes have one, a
plaid has two at right angles. So the shape tells half of what there is to know. Noise hides the other half, and so does
a denoiser that smooths it away.

Like redenoise/data/patterns.py, every pixel follows from a text through whole numbers, so it is the same on any
machine. The contrasts are as high as colours leave room for: with weaker textures a miniature was at chance behind any
denoiser from sigma 30 on, and no ordering could be told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np

from redenoise.data.patterns import Draws

UNIT = 1024  # parts of a pixel in which lengths are given, and parts of 1 in which cosines are
# Colours keep a distance of 48 from black and white, so that no texture is cut off.
DARKEST, BRIGHTEST = 48, 208
CONTRAST = (36, 49)  # amplitude of the stripes in gray levels, lowest and one more than the highest
PERIOD = (56, 73)  # of the stripes, in sixteenths of a pixel: 3.5 to 4.5 pixels
COLOUR_DISTANCE = 150  # of object and ground, summed over the channels; their mean brightness may be the same
LAYOUTS = 50  # tries to place objects so that each one shows most of itself


def _disc(u: np.ndarray, v: np.ndarray, radius: int) -> np.ndarray:
    return u * u + v * v <= radius * radius


def _square(u: np.ndarray, v: np.ndarray, radius: int) -> np.ndarray:
    return np.maximum(abs(u), abs(v)) <= radius * 907 // UNIT


def _triangle(u: np.ndarray, v: np.ndarray, radius: int) -> np.ndarray:
    inner = radius * 796 // UNIT  # of the inscribed circle
    slanted = abs(u) * 1774 // UNIT  # times the square root of 3
    return (v <= inner) & (slanted - v <= 2 * inner)


def _cross(u: np.ndarray, v: np.ndarray, radius: int) -> np.ndarray:
    length, width = radius * 1134 // UNIT, radius * 454 // UNIT
    u, v = abs(u), abs(v)
    return ((u <= length) & (v <= width)) | ((u <= width) & (v <= length))


# Each tells which points lie inside, and covers the area of a circle of the given radius: size tells no class.
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}
TEXTURES = ("striped", "plaid")
CLASSES = tuple(f"{texture} {shape}" for shape in SHAPES for texture in TEXTURES)


@dataclass(frozen=True)
class Scene:
    """One image, uint8 (S, S, 3), the labels of its objects, 0 to 7, and its mask, uint8 (S, S), 0 or label + 1."""

    image: np.ndarray
    labels: tuple[int, ...]
    mask: np.ndarray


def scenes(key: str, count: int, size: int, several: bool) -> Iterator[Scene]:
    """The images of one set.

    Args:
        key: name of the set; each gets images of its own.
        count: number of images.
        size: side S in pixels.
        several: two or three objects of different classes, which may hide parts of each other, instead of one.

    Yields:
        Scenes whose first label goes through the classes in turn, so that any beginning of a set is balanced.
    """
    for number in range(count):
        draws = Draws(f"redenoise labelled|{key}|{number}|{size}|{several}")
        yield _scene(draws, number % len(CLASSES), size, several)


def _scene(draws: Draws, first: int, size: int, several: bool) -> Scene:
    others = [label for label in _shuffled(draws, len(CLASSES)) if label != first]
    labels = [first, *others[: draws.integer(1, 3)]] if several else [first]
    # The random order decides which of them is nearest.
    labels = [labels[place] for place in _shuffled(draws, len(labels))]
    image = _ground(draws, size)
    shapes = _layout(draws, labels, size)
    mask = np.zeros((size, size), dtype=np.uint8)
    for label, shape in zip(labels, shapes, strict=True):
        colour = _colour(draws, image[shape].sum(axis=0) // int(shape.sum()))
        texture = _texture(draws, size, plaid=label % len(TEXTURES) == 1)
        image[shape] = (colour + texture[..., None])[shape]
        mask[shape] = label + 1
    image += (_lattice(draws, size, size // 3, 17) - 8)[..., None]  # uneven light
    return Scene(np.clip(image, 0, 255).astype(np.uint8), tuple(labels), mask)


def _shuffled(draws: Draws, count: int) -> list[int]:
    return [int(place) for place in np.argsort(draws.integers(0, 1 << 40, count), kind="stable")]


def _ground(draws: Draws, size: int) -> np.ndarray:
    """int64 (S, S, 3): a gradient between random colours, and clouds."""
    middle = draws.integers(DARKEST + 32, BRIGHTEST - 31, 3)
    gradient = [_lattice(draws, size, size, 65) - 32 for _ in range(3)]
    clouds = _lattice(draws, size, size // 6, 25) - 12
    return middle + np.stack(gradient, axis=-1) + clouds[..., None]


def _lattice(draws: Draws, size: int, cell: int, values: int) -> np.ndarray:
    """int64 (S, S): random values from 0 to `values` - 1 at every `cell`-th pixel, bilinear in between."""
    count = size // cell + 2
    corners = draws.integers(0, values, count, count)
    index, fraction = np.divmod(np.arange(size), cell)
    weight = fraction[:, None]
    rows = corners[index] * (cell - weight) + corners[index + 1] * weight
    return (rows[:, index] * (cell - fraction) + rows[:, index + 1] * fraction) // cell**2


def _colour(draws: Draws, behind: np.ndarray) -> np.ndarray:
    """A colour, int64 (3,), that differs from the mean colour of what it hides."""
    while True:
        colour = draws.integers(DARKEST, BRIGHTEST, 3)
        if abs(colour - behind).sum() >= COLOUR_DISTANCE:
            return colour


def _layout(draws: Draws, labels: list[int], size: int) -> list[np.ndarray]:
    """Where each object is, bool (S, S): later ones hide parts of earlier ones, but less than half of each."""
    for _ in range(LAYOUTS):
        shapes = [_placed(draws, label, size, len(labels) > 1) for label in labels]
        hidden = np.zeros((size, size), dtype=bool)
        seen = []
        for shape in reversed(shapes):
            seen.append(2 * int((shape & ~hidden).sum()) > int(shape.sum()))
            hidden |= shape
        if all(seen):
            break
    return shapes


def _placed(draws: Draws, label: int, size: int, several: bool) -> np.ndarray:
    """One object, turned and placed at random: near the middle and large, or anywhere and smaller."""
    low, high, edge = (170, 240, 24) if several else (230, 320, 40)  # thousandths and hundredths of the side
    radius = draws.integer(low, high + 1) * size * UNIT // 1000
    place = [draws.integer(edge, 101 - edge) * size * UNIT // 100 for _ in range(2)]
    y, x = np.mgrid[:size, :size] * UNIT + UNIT // 2
    u, v = _turned(x - place[0], y - place[1], *_direction(draws))
    shape = list(SHAPES.values())[label // len(TEXTURES)]
    return shape(u, v, radius)


def _direction(draws: Draws) -> tuple[int, int]:
    """Cosine and sine of a random angle, in 1 / `UNIT`: a random point of a ring, moved onto its circle."""
    while True:
        a, b = (int(value) for value in draws.integers(-256, 257, 2))
        if 128 * 128 <= a * a + b * b <= 256 * 256:
            length = isqrt((a * a + b * b) << 20)
            return (a * UNIT << 10) // length, (b * UNIT << 10) // length


def _turned(x: np.ndarray, y: np.ndarray, cosine: int, sine: int) -> tuple[np.ndarray, np.ndarray]:
    return (x * cosine + y * sine) // UNIT, (y * cosine - x * sine) // UNIT


def _texture(draws: Draws, size: int, plaid: bool) -> np.ndarray:
    """int64 (S, S) around 0: one wave, or two at right angles whose sum has the same variance."""
    y, x = np.mgrid[:size, :size] * UNIT
    axes = _turned(x, y, *_direction(draws))
    period, amplitude = draws.integer(*PERIOD), draws.integer(*CONTRAST)
    first, second = (_wave(axis * 16 // period + draws.integer(0, UNIT)) for axis in axes)
    if not plaid:
        return first * amplitude // UNIT
    return (first + second) * amplitude * 724 // (UNIT * UNIT)  # divided by the square root of 2


def _wave(phase: np.ndarray) -> np.ndarray:
    """A periodic function of `UNIT` steps within -`UNIT` to `UNIT`: arcs of a parabola, close to a sine."""
    phase = phase % UNIT
    half = phase % (UNIT // 2)
    arc = half * (UNIT // 2 - half) * 16 // UNIT
    return np.where(phase < UNIT // 2, arc, -arc)
