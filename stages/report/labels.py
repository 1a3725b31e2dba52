"""Which measured method stands behind a printed one, and what methods are called that no table prints."""

from collections.abc import Container

from stages.report.kinds import Method
from stages.report.tables import MODEL_LABELS

OTHER_MODEL = "{} (other model)"  # a method of a printed one's name that does not stand behind it
PART = "{} ({:,} images)"  # a method that measured a part of its set


def backing(method: Method, measured: Container[str]) -> str | None:
    """The measured method behind a printed one: the declared one, else one of the same name among `measured`."""
    if method.measured is None and method.printed in measured:
        return method.printed
    return method.measured


def unprinted(name: str, printed: Container[str]) -> str:
    """The label of a measured method in a table that prints the methods `printed`, but not this one."""
    return MODEL_LABELS.get(name, OTHER_MODEL.format(name) if name in printed else name)
