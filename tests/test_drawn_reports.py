"""Mistakes drawn into the files of a report: one line that names the file, or nothing but known keys and numbers."""

import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.commands.diff import sides
from redenoise.commands.latex import cells
from redenoise.commands.plan import costs
from redenoise.dag.config import load_config
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.numbers import is_number
from stages.report import drawing, figures, reading, spreads
from stages.report.shown import SHOWN_DECIMALS
from stages.report.tables import DESIGN_TABLES
from tests.conftest import DRAWS, ROOT

TABLE = DESIGN_TABLES[0].key
FIELDS = (
    "", " ", "nan", "inf", "-inf", "1e400", "1e-400", "-1", "0", "1_0", "0x10", "٣", "9" * 30, "9" * 5000,
    "1,5", "1.2.3",
    r"\input{/etc/passwd}", "<script>", "=1+1", "sigma=", "sigma=999999999999", "reproduced", "off", "not run", "psnr",
    "lpips", "average", "x" * 70000, '"', "'", "\x00", "\u202e", "a\nb", "a,b", "None", "true", "[1]", "{}", "1e5",
    "+3", "--3",
)  # fmt: skip


def mistaken(text: str, draws: random.Random) -> str:
    """A text of lines and fields with one mistake or two."""
    for _ in range(draws.randint(1, 2)):
        lines = text.split("\n")
        place = draws.randrange(len(lines) or 1)
        fields = lines[place].split(",")
        column = draws.randrange(len(fields))
        kind = draws.randrange(9)
        if kind < 5:
            fields[column] = draws.choice(FIELDS)
        elif kind == 5:
            fields.insert(column, draws.choice(FIELDS))
        elif kind == 6:
            del fields[column]
        lines[place] = ",".join(fields)
        if kind == 7:
            lines.insert(draws.randrange(len(lines)), lines[place])
        elif kind == 8:
            del lines[place : place + draws.choice((1, 1, len(lines)))]
        text = "\n".join(lines)
    return text


def read_cells() -> None:
    for cell in cells.load(Path("reports/demo")):
        for text in (cell.reproduced, cell.printed, cell.difference, cells.rounded(cell)):
            assert not text or is_number(text)
        assert cell.metric in cells.METRICS and cell.status in ("", *reading.VERDICTS)


def read_spread() -> None:
    for row in spreads.rows("demo"):
        assert all(math.isfinite(float(row[name])) for name in ("mean", "std", "image"))


def read_page() -> None:
    for value in reading.read(Path("reports/demo"), TABLE).values:
        assert value.reproduced is None or math.isfinite(value.reproduced)
        assert value.metric in SHOWN_DECIMALS and value.status in reading.VERDICTS
    read = sides.reader(".")
    list(sides.moves(sides.load("a", read, "demo"), sides.load("b", read, "demo"), None))


def drawn(name: str) -> Callable[[], None]:
    return lambda: void(drawing.svg(figures.drawn(load_config("demo"), name)))


def void(_: object) -> None:
    """A statement as an expression."""


def read_costs() -> None:
    for cost in costs.read_table(Path("workflow/costs.csv")).values():
        assert all(value is None or math.isfinite(value) for value in (cost.seconds, cost.memory_mb))


READERS: dict[str, tuple[str, Callable[[], None]]] = {
    "table": (f"reports/demo/{TABLE}.csv", read_cells),
    "averages": ("reports/demo/averages.csv", read_cells),
    "accuracies": ("reports/demo/accuracies.csv", read_cells),
    "page": (f"reports/demo/{TABLE}.json", read_page),
    "spread": ("reports/spread/demo.csv", read_spread),
    "curves": ("reports/demo/learning_curves.csv", drawn("learning_curves")),
    "designs": (f"reports/demo/{TABLE}.csv", drawn("parameters_psnr")),
    "costs": ("workflow/costs.csv", read_costs),
    "provenance": ("reports/demo/provenance.json", lambda: void(costs.reported("demo"))),
}


@pytest.fixture
def one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The committed reports of the demo with one table, made the working directory; to change."""
    shutil.copytree(ROOT / "reports", tmp_path / "reports", ignore=shutil.ignore_patterns("figures", "bench"))
    # The demo's own is not kept.
    shutil.copy(ROOT / "reports/bench/provenance.json", tmp_path / "reports/demo/provenance.json")
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for module in (cells, sides):
        monkeypatch.setattr(module, "ALL_TABLES", [DESIGN_TABLES[0]])
    config = load_config("demo")
    monkeypatch.setitem(globals(), "load_config", lambda scale: config)
    return tmp_path


@pytest.mark.parametrize("kind", READERS)
def test_a_mistake_is_named_or_does_no_harm(one_table, kind):
    name, read = READERS[kind]
    path, draws, refused = one_table / name, random.Random(kind), 0
    text = path.read_text(encoding="utf-8")
    if kind == "curves":  # every line of every network takes time to be drawn
        text = "\n".join(text.splitlines()[:20]) + "\n"
    read()
    count = DRAWS // 5 if kind in ("curves", "designs") and DRAWS < 1000 else DRAWS  # a drawing takes time
    for _ in range(count):
        changed = mistaken(text, draws)
        path.write_text(changed, encoding="utf-8", newline="")
        try:
            read()
        except UserError as error:
            refused += 1
            assert any(part in str(error) for part in (path.name, "reports/demo")), error
            assert len(str(error)) < 3 * csv_tables.LONGEST
    assert refused > count // 5
