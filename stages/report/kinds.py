"""What there is to say of a paper and of a printed table; the modules in papers/ say it of each."""

from dataclasses import dataclass

from stages.report.rules import Rule


@dataclass(frozen=True)
class Paper:
    """A paper.

    Attributes:
        key: name of its module in papers/ and of its folder in the report.
        file: its CSV in published/.
        short: its name in headings.
        doi: empty where we know of none.
    """

    key: str
    file: str
    short: str
    title: str
    doi: str = ""


@dataclass(frozen=True)
class Method:
    """One printed method.

    Attributes:
        printed: its name in the paper.
        measured: the method of the results that stands behind it, if any stage measures it.
        reason: why no stage measures it.
    """

    printed: str
    measured: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What every printed table has.

    Attributes:
        paper: key of its paper.
        name: file name of the report.
        table: value of the `table` column in published/.
        number: how the paper numbers it.
        title: one line: what is measured, on which set.
        dataset: printed title of the test set.
        images: how many it has: an average counts only if all of them were measured.
        protocol: what is known of how the numbers were taken, and what is not.
        parameter: what its levels are called in conditions: that of the degradation, noise's sigma for most.
    """

    paper: str
    name: str
    table: str
    number: str
    title: str
    dataset: str
    images: int
    protocol: tuple[str, ...] = ()
    parameter: str = "sigma"

    @property
    def key(self) -> str:
        """`<paper>/<name>`, unique among the tables, and the report's path without its suffix."""
        return f"{self.paper}/{self.name}"

    @property
    def symbol(self) -> str:
        """What its levels are called on a page."""
        return symbol(self.parameter)

    def condition(self, level: int) -> str:
        """The condition of a level, such as `sigma=25`."""
        return f"{self.parameter}={level}"


def symbol(parameter: str) -> str:
    """What the levels of a parameter are called on a page: σ for noise."""
    return "σ" if parameter == "sigma" else parameter


@dataclass(frozen=True)
class Ordering:
    """One statement that a table makes: one method does worse than another.

    Attributes:
        lower, higher: the two methods, as the table shows them.
        control: whether the statement is not the paper's, but asked to see what explains its gain.
    """

    lower: str
    higher: str
    control: bool = False

    @property
    def claim(self) -> str:
        """The statement as shown."""
        return f"{self.lower} < {self.higher}"

    @property
    def source(self) -> str:
        """Whose statement it is."""
        return "control" if self.control else "paper"


@dataclass(frozen=True, kw_only=True)
class OfMethods(Printed):
    """A printed table of methods at several levels; levels, methods and metrics are in the paper's order.

    Attributes:
        orderings: what the paper's numbers are to show of the first metric, in the order in which they are checked.
    """

    levels: tuple[int, ...]
    methods: tuple[Method, ...]
    metrics: tuple[str, ...] = ("psnr",)
    orderings: tuple[Ordering, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table(OfMethods):
    """One printed table of denoisers, or the part of it that the report covers.

    Attributes:
        per_image: whether the paper prints single images besides the average.
    """

    per_image: bool = True


@dataclass(frozen=True, kw_only=True)
class TaskTable(OfMethods):
    """One printed table of a high-level task behind denoisers, which the stages of recognition measure, in %.

    Attributes:
        tolerance: what the tolerance of its cells allows for.
    """

    tolerance: str


@dataclass(frozen=True)
class Design:
    """One row of a table of network designs.

    Attributes:
        item: its id in published/.
        shown: its cells in the table's leading columns.
        label, side: a short name for figures, and on which side of its point it stands there.
        family: the family of params.yaml whose parameters are counted.
        measured: the method of the results that stands behind its PSNR.
    """

    item: str
    shown: tuple[str, ...]
    label: str
    side: str
    family: str
    measured: str


@dataclass(frozen=True)
class Number:
    """A printed number that is computed from others, counted or timed: its key in published/, and how.

    Attributes:
        rule: what computes it.
        how: the rule in words.
    """

    method: str
    metric: str
    rule: Rule
    how: str
    condition: str = ""
    dataset: str = ""
    item: str = ""


@dataclass(frozen=True, kw_only=True)
class NumberTable(Printed):
    """Printed numbers each of which has a rule of its own: of a table, or of a paper's prose.

    Attributes:
        numbers: in the paper's order.
    """

    numbers: tuple[Number, ...]
    dataset: str = ""
    images: int = 0


@dataclass(frozen=True, kw_only=True)
class DesignTable(Printed):
    """One printed table of designs of one network: their parameters, and their average PSNR at one noise level.

    Attributes:
        method: printed name of the network.
        sigma: the noise level.
        columns: names of the leading columns.
        designs: its rows, in the paper's order.
        chosen: id of the design that the paper chose.
    """

    method: str
    sigma: int
    columns: tuple[str, ...]
    designs: tuple[Design, ...]
    chosen: str
