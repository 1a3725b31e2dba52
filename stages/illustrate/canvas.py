"""Panels with words around them, put together into one picture: uint8 (H, W, 3) arrays on white.

Words are in Pillow's own font, which has no letters but those of English; others are shown as question marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WHITE = 255
GRAY = 232  # of a panel that could not be made
RED = (230, 0, 0)
MARGIN = 10  # pixels around a picture
GAP = 6  # pixels between panels
FONT_SIZE = 13
LINE = 17  # pixels from line to line
NOTICE_WIDTH = 720


@dataclass(frozen=True)
class Figure:
    """What one figure consists of.

    Attributes:
        title, caption: plain text.
        picture: uint8 (H, W, 3).
        unavailable: why the figure could not be made; empty if it was.
        extra: files that were read besides the inputs of the node.
    """

    title: str
    caption: str
    picture: np.ndarray
    unavailable: str = ""
    extra: tuple[Path, ...] = field(default=())


def not_made(title: str, caption: str, reason: str) -> Figure:
    """A figure that says why it is not there."""
    return Figure(title, caption, framed(words(f"not run: {reason}", NOTICE_WIDTH, centred=False)), reason)


def shown(image: np.ndarray, side: int) -> np.ndarray:
    """An image, uint8 (H, W[, 3]), at about the size of `side` pixels, and never larger.

    Pixels are repeated, or averaged over squares; nothing is interpolated.
    """
    longest = max(image.shape[:2])
    if longest > side:
        return _coloured(np.asarray(Image.fromarray(image).reduce(-(-longest // side))))
    return _coloured(image.repeat(side // longest, axis=0).repeat(side // longest, axis=1))


def central(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of an image, of at most `height` by `width` pixels."""
    top, left = (max(0, side - wanted) // 2 for side, wanted in zip(image.shape, (height, width), strict=False))
    return image[top : top + height, left : left + width]


def boxed(image: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A copy with a red frame, two pixels wide, around a region."""
    drawn = Image.fromarray(image)
    ImageDraw.Draw(drawn).rectangle((left, top, left + width - 1, top + height - 1), outline=RED, width=2)
    return np.asarray(drawn)


def panel(image: np.ndarray | None, label: str = "", like: np.ndarray | None = None) -> np.ndarray:
    """An image with a label below it; where there is none, a plain panel of the size of `like` that says so."""
    if image is None:
        assert like is not None, "a panel without an image takes the size of another"
        image = blank(*like.shape[:2])
    return below([image, words(label, image.shape[1])], gap=2) if label else image


def blank(height: int, width: int) -> np.ndarray:
    """A plain panel that says that it was not run."""
    found = np.full((height, width, 3), GRAY, dtype=np.uint8)
    text = words("not run", width, ground=GRAY)[:height]
    top = (height - len(text)) // 2
    found[top : top + len(text)] = text
    return found


def words(text: str, width: int, centred: bool = True, ground: int = WHITE) -> np.ndarray:
    """Black words, broken into lines, on a plain ground of that width."""
    font = ImageFont.load_default(FONT_SIZE)
    lines = _lines(text.encode("ascii", "replace").decode(), width, font)
    image = Image.new("RGB", (width, LINE * len(lines)), (ground,) * 3)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        left = (width - font.getlength(line)) // 2 if centred else 0
        draw.text((max(0, left), LINE * number), line, font=font, fill=(0, 0, 0))
    return np.asarray(image)


def grid(rows: Sequence[Sequence[np.ndarray]], headings: Sequence[str] = ()) -> np.ndarray:
    """Panels in rows and columns, with a heading above each column."""
    widths = [max(row[column].shape[1] for row in rows) for column in range(len(rows[0]))]
    lines = [[words(text, width) for text, width in zip(headings, widths, strict=True)]] if headings else []
    lines += [[_padded(cell, cell.shape[0], width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return below([beside(line) for line in lines])


def beside(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures from left to right, their upper edges in line."""
    height = max(part.shape[0] for part in parts)
    padded = [_padded(part, height, part.shape[1] + GAP) for part in parts]
    return np.concatenate(padded, axis=1)[:, :-GAP]


def below(parts: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Pictures from top to bottom, their left edges in line."""
    width = max(part.shape[1] for part in parts)
    padded = [_padded(part, part.shape[0] + gap, width) for part in parts]
    return np.concatenate(padded, axis=0)[: -gap or None]


def framed(picture: np.ndarray) -> np.ndarray:
    """A picture with a white margin."""
    return np.pad(picture, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), constant_values=WHITE)


def _padded(image: np.ndarray, height: int, width: int) -> np.ndarray:
    more = ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0))
    return np.pad(image, more, constant_values=WHITE)


def _coloured(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 3 else np.stack([image] * 3, axis=-1)


def _lines(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Words joined into lines that fit; a longer word than a line is broken."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        lines += [word] if lines[-1] else []
        lines[-1] = lines[-1] or word
        while font.getlength(lines[-1]) > width and len(lines[-1]) > 1:
            fits = max(n for n in range(1, len(lines[-1])) if n == 1 or font.getlength(lines[-1][:n]) <= width)
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return lines
