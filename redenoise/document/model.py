"""What a page of the report consists of.

Texts are inline text: plain text in which `code` stands between backticks, **bold** text between two asterisks, and a
link is `[text](target)`, its target relative to the page's own folder. Nothing else is markup; `inline` reads it. Line
feeds in a text say where Markdown is to break the line, and mean no more than a space.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

NOTHING = "-"  # the text of a cell that has no value
WARNING, ASIDE = "warning", "aside"  # tones of a paragraph: something to know first, and why something is not there
TONES = ("", WARNING, ASIDE)
# What a value belongs to: one image, a whole set, a network, a statement about several of these.
IMAGE, AVERAGE, NETWORK, STATEMENT = "image", "average", "network", "statement"
SCOPES = (IMAGE, AVERAGE, NETWORK, STATEMENT)
PRINTED, REPRODUCED, DELTA = "printed", "reproduced", "delta"  # what a cell shows of its value
SHOWS = ("", PRINTED, REPRODUCED, DELTA)
Place = tuple[str, str, str, str, str, str]  # table, data set, item, condition, method, metric


@dataclass(frozen=True)
class Value:
    """One value of a printed table: what is printed, what was measured, and what made it.

    Attributes:
        table: `<paper>/<name>` of the table.
        dataset, item, condition, method, metric: the value's key; `method` as the table shows it.
        unit: `dB`, `%`, `count` or empty.
        scope: one of `SCOPES`: whether it is of one image, an average over the set, of a network, or a statement.
        status: the verdict, or that it was not run, or that it has no printed counterpart.
        reproduced: the measured value, rounded as in the CSV; infinite for a PSNR without any error.
        measured: method of the results behind it, or empty.
        node: name of the node of the DAG that measures it, `<stage>-<key>`, or empty.
        printed: as printed, empty for a value without a printed counterpart.
        delta: reproduced minus printed, rounded alike.
        limit: largest |delta| that counts as reproduced.
        ground: on what ground a measured value stands beside print: whose weights or whose code; or empty.
        detail: how far from print the value is, by what explains that, or empty.
        note: what stands behind the value, or why there is none.
        misprint: how strongly it is suspected to be a misprint, `strong` or `weak`, else empty.
        estimate: best estimate of a suspected misprint, as text, or empty.
        low, high, images: the 95 % interval of an accuracy, and over how many images it was measured.
        seeds, mean, spread: over how many seeds of the noise, their mean, one standard deviation of this value.
        trainings, training_spread: the same over trainings.
    """

    table: str
    dataset: str
    item: str
    condition: str
    method: str
    metric: str
    unit: str
    scope: str
    status: str
    reproduced: float | None = None
    measured: str = ""
    node: str = ""
    printed: str = ""
    delta: float | None = None
    limit: float | None = None
    ground: str = ""
    detail: str = ""
    note: str = ""
    misprint: str = ""
    estimate: str = ""
    low: float | None = None
    high: float | None = None
    images: int | None = None
    seeds: int | None = None
    mean: float | None = None
    spread: float | None = None
    trainings: int | None = None
    training_spread: float | None = None

    @property
    def place(self) -> Place:
        """The value's key; unique in a scale."""
        return self.table, self.dataset, self.item, self.condition, self.method, self.metric


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: inline text.
        bold: whether the whole cell is set in bold.
        note: number of a footnote of the table, counted from 1; 0 for none.
        value: index of the value among those of the document; None where the cell shows none.
        shows: one of `SHOWS`: what of that value.
        node: name of the node of the DAG that the cell names, or empty.
    """

    text: str = NOTHING
    bold: bool = False
    note: int = 0
    value: int | None = None
    shows: str = ""
    node: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its name, the label that it shares with its neighbours, and whether it holds numbers."""

    name: str
    group: str = ""
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table: every row has a cell for each column; footnotes are inline text, the first has number 1."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[str, ...] = ()

    def records(self) -> list[dict[str, str]]:
        """The texts of the rows by the names of their columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Paragraph:
    """Inline text, of one of `TONES`."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Items:
    """A list of inline texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A picture: its path relative to the page's folder, and what it shows, in plain text."""

    path: str
    caption: str


Block = Paragraph | Items | Table | Picture


@dataclass(frozen=True)
class Section:
    """A part of a page; only the first may have no heading."""

    heading: str
    blocks: tuple[Block, ...]

    @property
    def tables(self) -> list[Table]:
        """Its tables."""
        return [block for block in self.blocks if isinstance(block, Table)]


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        name: its path below the scale's folder, without suffix.
        title: inline text.
        sections: its parts; the first, without a heading, is what stands before the first heading.
        values: the values that cells refer to; in the document of a table all of the table, shown or not, in the order
            of its CSV.
        source: the command that writes it.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    values: tuple[Value, ...] = field(default=())
    source: str = "python -m stages.report"

    def section(self, start: str) -> Section:
        """The first section whose heading begins so, or an empty one."""
        return next((part for part in self.sections if part.heading.startswith(start)), Section(start, ()))


def table(columns: Sequence[str], rows: Iterable[Iterable[object]], numbers: Sequence[str] = ()) -> Table:
    """A table of rows of cells or of anything else, which becomes text; the columns in `numbers` hold numbers."""
    cells = (tuple(part if isinstance(part, Cell) else Cell(str(part)) for part in row) for row in rows)
    return Table(tuple(Column(name, number=name in numbers) for name in columns), tuple(cells))
