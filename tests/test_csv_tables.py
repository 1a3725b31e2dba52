"""The one reader and writer of CSV files."""

from pathlib import Path

import pytest

from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import is_number

TABLE = csv_tables.text(("a", "b"), [(1, 'x,"y"'), ("", "z")])


def test_what_is_written_can_be_read(tmp_path: Path):
    (tmp_path / "t.csv").write_text(TABLE)
    assert TABLE == 'a,b\n1,"x,""y"""\n,z\n'
    assert csv_tables.read(tmp_path / "t.csv", ("a", "b"), "") == [{"a": "1", "b": 'x,"y"'}, {"a": "", "b": "z"}]


def test_more_columns_only_where_they_are_allowed():
    assert csv_tables.parse(TABLE, "t", ("b",), "", others=True)[1] == {"a": "", "b": "z"}
    with pytest.raises(UserError, match="^t: header is a,b; expected b; mend it$"):
        csv_tables.parse(TABLE, "t", ("b",), "mend it")
    with pytest.raises(UserError, match="^t: header is a,a; expected a; mend it$"):
        csv_tables.parse("a,a\n", "t", ("a",), "mend it", others=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "header is missing; expected a,b; mend it"),
        (b"\xff\xfe", "not a CSV file .*; expected a,b; mend it"),
        (b'a,b\n"1,2\n', "not a CSV file .*; expected a,b; mend it"),
        (b"a,b\n1,2\n1\n", "line 3: 1 fields; expected 2: a,b; mend it"),
        (b"a,b\n1,\x002\n", "line 2: a field with characters that are no text; mend it"),
    ],
)
def test_what_is_no_such_table_is_one_line(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"t\.csv: {message}$") as error:
        csv_tables.read(path, ("a", "b"), "mend it")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"t\.csv: missing; mend it"):
        csv_tables.read(tmp_path / "t.csv", ("a",), "mend it")


def test_numbers_are_finite():
    assert [text for text in ("1", "-1.5e3", "inf", "nan", "", "1k") if is_number(text)] == ["1", "-1.5e3"]
