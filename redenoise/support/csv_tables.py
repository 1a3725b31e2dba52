"""CSV files with a header: the one reader, with one error text, and the one writer."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from redenoise.support.errors import UserError
from redenoise.support.files import plain, write_text

Row = dict[str, str]  # by column
LONGEST = 4000  # characters of a field


def read(path: Path, columns: Sequence[str], again: str, others: bool = False, more: Sequence[str] = ()) -> list[Row]:
    """The lines of a file.

    Args:
        columns: the header.
        more: columns that may follow it.
        again: what to do about a file that is not such a table, such as "run its stage again".
        others: whether there may be more columns, and these in any order.

    Raises:
        UserError: the file is missing, or no CSV with these columns; the line names the file and its line.
    """
    try:
        text = plain(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: missing; {again}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path}: not a CSV file ({error}); expected {','.join(columns)}; {again}") from None
    return parse(text, str(path), columns, again, others, more)


def parse(
    text: str, place: str, columns: Sequence[str], again: str, others: bool = False, more: Sequence[str] = ()
) -> list[Row]:
    """The lines of a text; see `read`. Errors begin with `place`."""
    wanted = f"expected {','.join(columns)}; {again}" if columns else again
    try:
        header, *lines = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise UserError(f"{place}: not a CSV file ({error}); {wanted}") from None
    known = header in ([*columns], [*columns, *more])
    if not (set(columns) <= set(header) and len(set(header)) == len(header) if others else known):
        raise UserError(f"{place}: header is {','.join(header)[:200] or 'missing'}; {wanted}")
    for number, line in enumerate(lines, start=2):
        if any(len(field) > LONGEST for field in line):
            raise UserError(f"{place}: line {number}: a field of more than {LONGEST} characters; {again}")
        if not all(map(str.isprintable, line)):
            raise UserError(f"{place}: line {number}: a field with characters that are no text; {again}")
        if len(line) != len(header):
            found = f"{len(line)} fields; expected {len(header)}: {','.join(header)}"
            raise UserError(f"{place}: line {number}: {found}; {again}")
    return [dict(zip(header, line, strict=True)) for line in lines]


def numbered(path: Path, columns: Sequence[str], again: str, more: Sequence[str] = ()) -> Iterator[tuple[str, Row]]:
    """The lines of a file, see `read`, each with its place as errors name it."""
    for number, row in enumerate(read(path, columns, again, more=more), start=2):
        yield f"{path}: line {number}", row


def text(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as CSV with LF line ends."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([columns, *rows])
    return stream.getvalue()


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table, atomically; a row has a field for each column, or an empty one."""
    write_text(path, text(columns, ([row.get(name, "") for name in columns] for row in rows)))
