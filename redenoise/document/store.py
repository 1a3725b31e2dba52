"""Documents as JSON: equal documents give equal bytes, and a changed cell changes one line.

An object has the fields of its class in `model`, without those that have their default; a block names its class in
`kind`; a cell that is nothing but text is that text. The values are a table: `columns`, the fields in which they
differ, with `rows`, of which what is missing at the end has its default, and `shared`, the fields that are the same in
all. Infinity, the PSNR of an image without any error, is `exact`.
"""

import json
import math
import types
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from redenoise.document.model import SCOPES, SHOWS, TONES, Cell, Document, Items, Paragraph, Picture, Table, Value
from redenoise.support.errors import UserError
from redenoise.support.files import plain
from redenoise.support.numbers import EXACT

KINDS = {"paragraph": Paragraph, "items": Items, "table": Table, "picture": Picture}
NAMES = {kind: name for name, kind in KINDS.items()}
CHOICES = {(Paragraph, "tone"): TONES, (Value, "scope"): SCOPES, (Cell, "shows"): SHOWS}
AGAIN = "run `python -m stages.report` again"
LINES = ("blocks", "rows", "sections", "values")  # lists of which each entry begins a line


def render(document: Document) -> str:
    """The document as JSON, ending in a line feed."""
    data = _data(document)
    return _text(data | ({"values": _packed(document.values)} if document.values else {})) + "\n"


def read(path: Path) -> Document:
    """The document of a file; raises `UserError` if it is missing, or anything else than `render` gives."""
    try:
        text = plain(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: missing; {AGAIN}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable ({error}); {AGAIN}") from None
    return parse(text, str(path))


def parse(text: str, place: str) -> Document:
    """The document of a text; raises `UserError`, which begins with `place`, for anything else than `render` gives."""
    try:
        data = json.loads(text)
        found = _value(Document, _unpacked(data) if isinstance(data, dict) and "values" in data else data, "page")
        _check(found)
        return found
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: not a page of the report ({error}); {AGAIN}") from None


def _data(value: Any) -> Any:
    """JSON of an object, its defaults left out."""
    if isinstance(value, tuple):
        return [_data(part) for part in value]
    if not is_dataclass(value) or isinstance(value, type):
        return _plain(value)
    kept = {
        name: _data(part) for name, default in _fields(type(value)).items() if (part := getattr(value, name)) != default
    }
    if isinstance(value, Cell) and set(kept) <= {"text"}:
        return value.text
    return kept | ({"kind": NAMES[type(value)]} if type(value) in NAMES else {})


def _plain(value: Any) -> Any:
    """A value as JSON has it, which knows no infinity."""
    return EXACT if value == math.inf else value


def _packed(values: tuple[Value, ...]) -> dict[str, Any]:
    """The values as a table, see above."""
    defaults = _fields(Value)
    found = {name: {getattr(value, name) for value in values} for name in defaults}
    shared = {name: next(iter(same)) for name, same in found.items() if len(same) == 1}
    columns = [name for name in defaults if name not in shared]
    rows = []
    for value in values:
        row = {name: getattr(value, name) for name in columns}
        while row and row[name := next(reversed(row))] == defaults[name]:
            del row[name]
        rows.append(list(map(_plain, row.values())))
    shared = {name: _plain(part) for name, part in shared.items() if part != defaults[name]}
    return {"columns": columns, "rows": rows, "shared": shared}


def _unpacked(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a page, its values as a list of objects."""
    table = data["values"]
    _expect(isinstance(table, dict) and set(table) == {"columns", "rows", "shared"}, "values", "a table", table)
    columns, shared = _value(tuple[str, ...], table["columns"], "values.columns"), table["shared"]
    apart = isinstance(shared, dict) and not set(shared) & set(columns)
    _expect(apart, "values.shared", "an object without the columns", shared)
    _expect(isinstance(table["rows"], list), "values.rows", "a list", table["rows"])
    for number, row in enumerate(table["rows"]):
        fits = isinstance(row, list) and len(row) <= len(columns)
        _expect(fits, f"values.rows[{number}]", f"at most {len(columns)} fields", row)
    rows = [shared | dict(zip(columns, row, strict=False)) for row in table["rows"]]
    return data | {"values": rows}


@cache
def _fields(kind: type) -> dict[str, Any]:
    """The defaults of a class by field, `MISSING` where a field must be given."""
    return {field.name: field.default for field in fields(kind)}


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _text(value: Any, name: str = "") -> str:
    if isinstance(value, dict) and set(value) & set(LINES):
        return "{" + ",\n".join(f"{json.dumps(key)}: {_text(part, key)}" for key, part in sorted(value.items())) + "}"
    if isinstance(value, list) and name in LINES:
        return "[\n" + ",\n".join(map(_text, value)) + "\n]" if value else "[]"
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _value(kind: Any, data: Any, place: str) -> Any:
    """An object of a type of `model`; raises `ValueError` naming the place in the page."""
    if get_origin(kind) is tuple:
        (part, _) = get_args(kind)
        _expect(isinstance(data, list), place, "a list", data)
        return tuple(_value(part, entry, f"{place}[{index}]") for index, entry in enumerate(data))
    if get_origin(kind) in (Union, types.UnionType):
        return _choice(get_args(kind), data, place)
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind, data, place)
    if kind is float and data == EXACT:
        return math.inf
    same = type(data) is kind or (kind is float and type(data) is int)
    _expect(same and (kind is not float or abs(data) < float("inf")), place, f"a {kind.__name__}", data)
    return kind(data)


def _choice(options: tuple, data: Any, place: str) -> Any:
    if type(None) in options:
        return None if data is None else _value(options[0], data, place)
    name = data.get("kind") if isinstance(data, dict) else None
    found = KINDS.get(name) if isinstance(name, str) else None
    _expect(found is not None, place, f"a kind among {', '.join(KINDS)}", name)
    return _value(found, {key: part for key, part in data.items() if key != "kind"}, place)


def _object(kind: type, data: Any, place: str) -> Any:
    if kind is Cell and isinstance(data, str):
        return Cell(data)
    _expect(isinstance(data, dict), place, "an object", data)
    known, hints = _fields(kind), _types(kind)
    for name, default in known.items():
        _expect(default is not MISSING or name in data, place, f"a {kind.__name__} with its {name}", data)
    for name in data:
        _expect(name in known, place, f"no {name!r:.40} in a {kind.__name__}", data)
    found = {name: _value(hints[name], part, f"{place}.{name}") for name, part in data.items()}
    for name, part in found.items():
        allowed = CHOICES.get((kind, name))
        _expect(allowed is None or part in allowed, f"{place}.{name}", f"one of {allowed}", part)
    return kind(**found)


def _expect(holds: bool, place: str, expected: str, found: object) -> None:
    if not holds:
        raise ValueError(f"{place} is {found!r:.40}, expected {expected}")


def _check(document: Document) -> None:
    """What types do not say: rows as long as their table is wide, footnotes and values that are there."""
    for section in document.sections:
        for table in section.tables:
            for number, row in enumerate(table.rows):
                place = f"section {section.heading!r}: row {number} of a table"
                _expect(len(row) == len(table.columns), place, f"{len(table.columns)} cells", len(row))
                for cell in row:
                    _expect(0 <= cell.note <= len(table.footnotes), place, "a footnote of the table", cell.note)
                    known = cell.value is None or 0 <= cell.value < len(document.values)
                    _expect(known, place, "a value of the page", cell.value)
