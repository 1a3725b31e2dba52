"""By what rules numbers of a table or of a paper's prose are computed, as data; `numbers.py` computes them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counted:
    """What the stage `architecture` counts of a network or filter without an image.

    Attributes:
        name: of a family, a filter, or a network that is only counted.
        metric: one that the stage writes.
    """

    name: str
    metric: str


@dataclass(frozen=True)
class Share:
    """One count in percent of another."""

    part: Counted
    whole: Counted


@dataclass(frozen=True)
class Gain:
    """Mean difference of the averages of two methods over some sets and levels.

    Attributes:
        places: titles of sets, each with a condition.
    """

    method: str
    over: str
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Beaten:
    """On how many images of a set a method is best, or is not best at one level or more.

    Attributes:
        others: that it is compared with; where print leaves one out at a level, so does the rule.
        best: which of the two is counted.
    """

    method: str
    others: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    best: bool


@dataclass(frozen=True)
class Quantile:
    """A quantile, `share` from 0 to 1, of a method's gains over others on all images of a set, at all levels."""

    method: str
    others: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    share: float


@dataclass(frozen=True)
class Timed:
    """Seconds for one image, as `redenoise benchmark methods` measured them, brought to the paper's machine.

    By how much two methods that the column prints took longer here than there, the other ones are taken to have, too.

    Attributes:
        subject: its name there.
        kind: of the machine, `cpu` or `cuda`.
        references: printed names of the two, each with its name there.
    """

    subject: str
    kind: str
    references: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NotRun:
    """None: why nothing computes the number."""

    reason: str


Rule = Counted | Share | Gain | Beaten | Quantile | Timed | NotRun
