"""What nodes have cost, from the committed table and from the page of provenance of a committed report."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from redenoise.commands.plan import costs
from redenoise.dag import paths
from redenoise.document import store
from redenoise.support.errors import UserError
from redenoise.support.files import write_text
from stages.report import history
from tests.report_project import configuration

RECORD = {"stage": "evaluate", "seconds": 12.345, "commit": "0123456789abcdef", "uncommitted_changes": None}
RECORD |= {"python": "3.11.0", "packages": {"numpy": "2.0"}, "device": "a | processor", "mode": "reference"}


def node(stage: str, key: str) -> SimpleNamespace:
    """A node that was not run here."""
    return SimpleNamespace(stage=stage, key=key, name=f"{stage}-{key}", outputs=[], record=f"build/{stage}-{key}.json")


NODE = node("evaluate", "kodak-dncnn")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit_report(scale: str) -> None:
    """The page of provenance of a report on one node; the report's own record has no seconds yet."""
    own = {**RECORD, "stage": "report"}
    del own["seconds"]
    page = history.document(configuration(scale), own, {NODE.name: RECORD})
    write_text(paths.reports(scale) / "provenance.json", store.render(page))


def test_seconds_of_a_committed_report_are_costs_too():
    commit_report("bench")
    assert costs.reported("bench") == {NODE.name: costs.Cost(12.35, device="a | processor")}
    assert costs.record(configuration("bench"), [NODE]) == 1
    assert costs.read_table() == {("bench", *NODE.name.split("-", 1)): costs.Cost(12.3, device="a | processor")}


def test_without_a_report_nothing_is_known():
    assert costs.reported("bench") == {}
    assert costs.record(configuration("bench"), [NODE]) == 0
    assert costs.read_table() == {}


def test_a_damaged_page_is_one_line():
    write_text(paths.reports("bench") / "provenance.json", "{}")
    with pytest.raises(UserError, match=r"reports/bench/provenance\.json: not a page of the report"):
        costs.reported("bench")


def test_a_table_comes_back_as_it_was():
    header = f"{','.join(costs.COLUMNS)}\n"
    text = header + "bench,train,a,100,90,80,7.5,6,5,G,,3,60\nbench,train,b,,,,,,,,yes,,\ndemo,released,,1,,,,,,X,,,\n"
    write_text(costs.TABLE, text)
    found = costs.read_table()
    assert found["bench", "train", "a"] == costs.Cost(100.0, 90.0, 80.0, 7.5, 6.0, 5.0, "G", False, 3, 60.0)
    assert found["bench", "train", "b"] == costs.Cost(idle=True)
    assert found["demo", "released", ""].seconds == 1.0
    nodes = [node("train", key) for key in ("a", "b")]
    costs.record(configuration("bench"), nodes)
    kept = [line for line in text.splitlines() if ",b," not in line]  # what knows no memory is of an earlier report
    assert costs.TABLE.read_text().splitlines() == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header is missing; expected scale,stage,key"),
        ("scale,stage\ndemo,train\n", "header is scale,stage; expected scale,stage,key"),
        ("\x00", "header is .*; expected scale,stage,key"),
        (f"{','.join(costs.COLUMNS)}\na,b,c,no number{',' * 9}\n", "damaged .*'no number'"),
    ],
)
def test_a_damaged_table_is_refused_with_one_line(text: str, message: str):
    write_text(costs.TABLE, text)
    with pytest.raises(UserError, match=f"workflow/costs.csv: {message}.*; restore it with git, or delete it"):
        costs.read_table()
