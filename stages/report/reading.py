"""The pages of tables as others read them: what a page may say of a value is known, and nothing else is taken."""

from pathlib import Path

from redenoise.document import store
from redenoise.document.model import Document, Value
from redenoise.support.errors import UserError
from redenoise.support.numbers import is_number
from stages.report.details import DETAILS
from stages.report.grounds import GROUNDS
from stages.report.published import STRENGTHS
from stages.report.rows import NOT_RUN, OFF, OWN_TRAINING, REPRODUCED, UNPRINTED
from stages.report.shown import SHOWN_DECIMALS

JUDGED = (REPRODUCED, OFF, OWN_TRAINING)
VERDICTS = (*JUDGED, NOT_RUN, UNPRINTED)


def read(folder: Path, key: str) -> Document:
    """The page of one table in the reports of a scale; raises `UserError` as `store.read` and `parse`."""
    path = folder / f"{key}.json"
    return checked(store.read(path), key, str(path))


def parse(text: str, key: str, place: str) -> Document:
    """The page of one table as text; raises `UserError`, which begins with `place`, as `store.parse` and `checked`."""
    return checked(store.parse(text, place), key, place)


def checked(page: Document, key: str, place: str) -> Document:
    """A page whose values are all such as the report writes; raises `UserError` for one that is not."""
    seen = set()
    for value in page.values:
        for name, found, expected in _facts(value, key):
            if found not in expected:
                line = f"{name} is {found!r:.40}, expected {' or '.join(map(repr, expected))}"
                raise UserError(f"{place}: {'/'.join(value.place)}: {line}; {store.AGAIN}")
        if value.place in seen or not _fits(value):
            why = "is there twice" if value.place in seen else f"numbers do not fit its status {value.status!r}"
            raise UserError(f"{place}: {'/'.join(value.place)}: {why}; {store.AGAIN}")
        seen.add(value.place)
    return page


def _facts(value: Value, key: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, value and allowed values of everything that is one of few."""
    return (
        ("table", value.table, (key,)),
        ("metric", value.metric, tuple(SHOWN_DECIMALS)),
        ("status", value.status, VERDICTS),
        ("ground", value.ground, ("", *GROUNDS)),
        ("detail", value.detail, ("", *DETAILS)),
        ("misprint", value.misprint, ("", *STRENGTHS)),
    )


def _fits(value: Value) -> bool:
    """Whether a value has the numbers that its status says."""
    printed, measured = value.printed != "", value.reproduced is not None
    if value.status in JUDGED:
        return is_number(value.printed) and measured and value.delta is not None
    not_run = value.status == NOT_RUN
    return value.delta is None and printed == not_run != measured and (not printed or is_number(value.printed))
