"""The report's own SVG figures as PDF, drawn anew by matplotlib, which wrote them.

Only what matplotlib writes is understood: paths, marks defined once and used often, text, rectangles to clip with.
Anything else is refused, so that nothing is ever missing from a figure without a word.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path as FilePath

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
POINTS = 72.0  # to the inch, the unit of all lengths in these files
CODES = {"M": (Path.MOVETO, 1), "L": (Path.LINETO, 1), "Q": (Path.CURVE3, 2), "C": (Path.CURVE4, 3)}
ANCHORS = {"start": "left", "middle": "center", "end": "right"}
STYLE = {"font.family": ["DejaVu Sans", "sans-serif"], "pdf.fonttype": 42, "text.parse_math": False}
WITHOUT_DATE = {"CreationDate": None, "Creator": None, "Producer": None}


def to_pdf(source: FilePath, target: FilePath) -> None:
    """Write `source` as PDF, the same bytes for the same figure; raises `UserError` for what is not understood."""
    try:
        root = ElementTree.parse(source).getroot()
        left, top, width, height = map(float, root.get("viewBox", "").split())
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise UserError(f"{source}: not a readable SVG figure ({error}); make the report again") from None
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(width / POINTS, height / POINTS))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(left, left + width)
        axes.set_ylim(top + height, top)
        try:
            _Drawing(root, axes).draw()
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{source}: {error} cannot be converted; expected a figure of the report") from None
        with atomic_open(target) as stream:
            figure.savefig(stream, format="pdf", metadata=WITHOUT_DATE)


class _Drawing:
    """One figure, drawn from the back to the front."""

    def __init__(self, root: ElementTree.Element, axes: Axes) -> None:
        self.root, self.axes, self.depth = root, axes, 0
        self.marks = {mark.get("id"): mark for mark in root.iter(f"{SVG}path") if mark.get("id")}
        self.clips = {clip.get("id"): clip[0] for clip in root.iter(f"{SVG}clipPath")}

    def draw(self) -> None:
        """Draw everything; raises `ValueError` for an element, a command or a transformation that is not known."""
        for element in _shown(self.root):
            self.depth += 1
            kind = element.tag.removeprefix(SVG)
            if kind == "path":
                self._path(element, Affine2D())
            elif kind == "use":
                mark = self.marks[element.get(LINK, "").removeprefix("#")]
                place = Affine2D().translate(float(element.get("x", 0)), float(element.get("y", 0)))
                self._path(element, place, mark.get("d"))
            elif kind == "text":
                self._text(element)
            else:
                raise ValueError(f"element {kind!r}")

    def _path(self, element: ElementTree.Element, place: Affine2D, data: str | None = None) -> None:
        look = _look(element)
        fill, stroke = look.get("fill", "black"), look.get("stroke", "none")
        patch = PathPatch(
            _outline(data or element.get("d", "")),
            transform=place + self.axes.transData,
            facecolor=fill,
            edgecolor=stroke,
            linewidth=float(look.get("stroke-width", 1)) if stroke != "none" else 0,
            linestyle=_dashes(look),
            alpha=float(look["opacity"]) if "opacity" in look else None,
            capstyle={"square": "projecting"}.get(look.get("stroke-linecap"), "butt"),
            joinstyle=look.get("stroke-linejoin", "round"),
            zorder=self.depth,
        )
        self.axes.add_patch(patch)
        clip = element.get("clip-path")
        if clip:
            box = self.clips[clip.removeprefix("url(#").removesuffix(")")]
            x, y, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
            patch.set_clip_path(Rectangle((x, y), width, height, transform=self.axes.transData))

    def _text(self, element: ElementTree.Element) -> None:
        if len(element):
            raise ValueError("text in parts")
        look, (x, y, angle) = _look(element), _place(element)
        anchor = ANCHORS[look.get("text-anchor", "start")]
        size = float(look["font-size"].removesuffix("px"))
        self.axes.text(
            x,
            y,
            element.text or "",
            fontsize=size,
            color=look.get("fill", "black"),
            rotation=-angle,
            rotation_mode="anchor",
            horizontalalignment=anchor,
            verticalalignment="baseline",
            zorder=self.depth,
        )


def _shown(parent: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The elements that are drawn, in their order: definitions are drawn where they are used."""
    for element in parent:
        if element.tag == f"{SVG}g":
            yield from _shown(element)
        elif element.tag not in (f"{SVG}defs", f"{SVG}metadata", f"{SVG}title"):
            yield element


def _look(element: ElementTree.Element) -> dict[str, str]:
    parts = (part.split(":", 1) for part in element.get("style", "").split(";") if ":" in part)
    return {name.strip(): value.strip() for name, value in parts}


def _dashes(look: dict[str, str]) -> str | tuple[float, list[float]]:
    """As matplotlib wants them: in units of the line's width."""
    if "stroke-dasharray" not in look:
        return "-"
    width = float(look.get("stroke-width", 1))
    lengths = [float(length) / width for length in look["stroke-dasharray"].split(",")]
    return float(look.get("stroke-dashoffset", 0)) / width, lengths


def _outline(data: str) -> Path:
    """The path of an attribute `d`, absolute commands M, L, Q, C and z."""
    vertices, codes = [], []
    for command, text in re.findall(r"([A-Za-z])([^A-Za-z]*)", data):
        numbers = [float(number) for number in text.replace(",", " ").split()]
        if command == "z":
            vertices.append((0.0, 0.0))
            codes.append(Path.CLOSEPOLY)
            continue
        if command not in CODES or len(numbers) != 2 * CODES[command][1]:
            raise ValueError(f"path command {command}{text.strip()!r}")
        code, count = CODES[command]
        vertices += list(zip(numbers[::2], numbers[1::2], strict=True))
        codes += [code] * count
    return Path(vertices, codes)


def _place(element: ElementTree.Element) -> tuple[float, float, float]:
    """Where a text begins, and its angle in degrees, clockwise."""
    x, y, angle = float(element.get("x", 0)), float(element.get("y", 0)), 0.0
    for name, text in re.findall(r"(\w+)\(([^)]*)\)", element.get("transform", "")):
        numbers = [float(number) for number in text.replace(",", " ").split()]
        if name == "translate":
            x, y = x + numbers[0], y + numbers[1]
        elif name == "rotate" and (len(numbers) == 1 or numbers[1:] == [x, y]):
            angle = numbers[0]
        else:
            raise ValueError(f"transformation {name}({text})")
    return x, y, angle
