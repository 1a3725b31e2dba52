"""The page that shows what several methods make of each picture, side by side."""

from pathlib import Path

import numpy as np

from redenoise.data.images import write_png
from redenoise.support.files import write_text

NAME = "compare.html"
FOLDER = "compare"  # of the pictures that the page shows
LARGEST = 1024  # pixels a side; of a larger picture the centre is shown
Column = tuple[str, str]  # caption, and path of its picture relative to the page


def keep(out: Path, name: Path, columns: list[tuple[str, np.ndarray]]) -> tuple[str, list[Column]]:
    """Write what the page shows of one picture as PNG files; returns its row.

    Args:
        out: folder of the page.
        columns: captions and images, uint8.
    """
    row = []
    for number, (caption, image) in enumerate(columns):
        path = Path(FOLDER, f"{name.as_posix()}.{number}.png")
        write_png(out / path, np.ascontiguousarray(image[_centre(image.shape[0]), _centre(image.shape[1])]))
        row.append((caption, path.as_posix()))
    return name.as_posix(), row


def write(out: Path, rows: list[tuple[str, list[Column]]]) -> None:
    """Write the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here: one call in many makes a page

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text(out / NAME, environment.get_template("page.html").render(rows=rows, largest=LARGEST))
    print(f"{out / NAME}: the results side by side")


def _centre(size: int) -> slice:
    start = max(0, (size - LARGEST) // 2)
    return slice(start, start + LARGEST)
