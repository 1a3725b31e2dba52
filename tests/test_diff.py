"""`redenoise diff` between commits of a scratch checkout: exactly the cells that moved, and what moved them."""

import csv
import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from redenoise.commands.diff import layout, sides
from redenoise.commands.diff.causes import Ancestry, Cause
from redenoise.commands.diff.command import main
from redenoise.commands.diff.sides import Move, moves
from redenoise.dag.config import load_config
from redenoise.document.model import Value
from redenoise.support.errors import UserError
from stages.report import node as report
from stages.report.records import FORMAT
from tests import checkouts, test_report_spread
from tests.conftest import ROOT
from tests.report_project import make_project

KEY = ("liu2020/table2_kodak", "Kodak", "average", "sigma=25", "DnCNN", "psnr")


def row(reproduced: float, status: str = "reproduced", printed: str = "32.00", **more: Any) -> Value:
    """A value of the cell `KEY`, or of another place in `more`, measured by the node of `chain`."""
    head = dict(zip(("table", "dataset", "item", "condition", "method", "metric"), KEY, strict=True))
    facts = {"unit": "dB", "scope": "average", "status": status, "printed": printed, "node": "evaluate-kodak-dncnn"}
    return Value(**head | facts | more, reproduced=reproduced)


def records(**nodes: dict) -> dict:
    """Records as `records.json` has them; parameters and environments are given by value."""
    values: dict = {}

    def kept(value: object) -> str:
        values[json.dumps(value)] = value
        return json.dumps(value)

    made = {}
    for name, node in nodes.items():
        name = name.replace("__", "-")
        stage, _, key = name.partition("-")
        made[name] = {
            "stage": stage,
            "key": key or None,
            "params": {part: kept(value) for part, value in node.get("params", {}).items()},
            "sources": node.get("sources", ""),
            "inputs": node.get("inputs", {}),
            "outputs": node.get("outputs", {}),
            "environment": kept(node.get("environment", {})),
        }
    listings = {name: {"redenoise/training/step.py": name} if name else {} for name in ("", "1", "2")}
    return {"format": FORMAT, "nodes": made, "values": values, "listings": listings}


def chain(**changes: dict) -> dict:
    """A training, an evaluation of what it gave, and the report; `changes` by node."""
    nodes = {
        "train__dncnn_color": {"params": {"seed": 0}, "sources": "1", "outputs": {"build/w": "a"}},
        "evaluate__kodak-dncnn": {"inputs": {"build/w": "a"}, "outputs": {"build/r": "x"}},
        "report": {"params": {"scale.budget": "small"}},
    }
    return records(**{name: node | changes.get(name, {}) for name, node in nodes.items()})


def causes(old: dict, new: dict) -> list[Cause]:
    return list(Ancestry(load_config("demo"), old, new).of("evaluate-kodak-dncnn"))


RETRAINED = {
    "train__dncnn_color": {"outputs": {"build/w": "b"}},
    "evaluate__kodak-dncnn": {"inputs": {"build/w": "b"}, "outputs": {"build/r": "y"}},
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"params": {"seed": 1}}, Cause("parameter", "params.yaml: seed is 1, was 0")),
        ({"sources": "2"}, Cause("code", "redenoise/training/step.py has changed")),
        ({"sources": ""}, Cause("code", "redenoise/training/step.py is gone")),
        ({"environment": {"torch": "2"}}, Cause("environment", "torch is 2, was nothing")),
        ({"inputs": {"data/a.png": "b"}}, Cause("data", "data/a.png is new")),
        ({"inputs": {"weights/a.json": "b"}}, Cause("weights", "weights/a.json is new")),
        ({}, Cause("run again", "train-dncnn_color gave something else with all that is recorded unchanged")),
    ],
)
def test_a_cause_upstream_is_found(change, expected):
    new = RETRAINED | {"train__dncnn_color": RETRAINED["train__dncnn_color"] | change}
    assert causes(chain(), chain(**new)) == [expected]


def test_what_gave_the_same_output_is_no_cause():
    assert causes(chain(), chain(train__dncnn_color={"params": {"seed": 1}})) == []


@pytest.mark.parametrize(
    "entry", [{"published": {"sigma25": "mine"}}, {"start": "data/released", "weights": "mine"}], ids=["family", "task"]
)
def test_of_the_released_weights_those_that_an_entry_names_are_causes(entry):
    def both(output: str, **weights: str) -> dict:
        made = {
            "released": {"inputs": weights, "outputs": {"build/released": output}},
            "evaluate__kodak-dncnn": {"inputs": {"build/released": output}, "params": {"entry": entry}},
        }
        return records(**made)

    names = {"mine": "weights/mine.safetensors", "other": "weights/other.safetensors"}
    found = causes(both("a", **dict.fromkeys(names.values(), "a")), both("b", **dict.fromkeys(names.values(), "b")))
    assert found == [Cause("weights", f"{names['mine']} has changed")]


def side(*values: Value) -> sides.Side:
    return sides.Side({value.place: value for value in values}, None)


def move(old: Value | None, new: Value | None) -> list[Move]:
    ancestry = Ancestry(load_config("demo"), chain(), chain(report={"params": {"scale.budget": "large"}}))
    before, after = (side(value) if value else side() for value in (old, new))
    return list(moves(before, after, ancestry))


def test_an_equal_cell_has_not_moved():
    assert move(row(32.0100), row(32.0100)) == []


def test_a_cell_that_is_judged_otherwise_is_the_reports_doing():
    (found,) = move(row(32.0100), row(32.0100, "off"))
    assert found.regression
    assert [cause.text for cause in found.causes] == ['workflow/scales/demo.yaml: budget is "large", was "small"']


def test_small_moves_are_folded_away_unless_asked_for():
    found = move(row(32.0100), row(32.0103))
    assert "0 cells moved; 1 more by less than the tables show" in layout.render("demo", found)
    assert "32.0103" not in layout.render("demo", found)
    assert "32.0103" in layout.render("demo", found, everything=True)
    assert layout.folded(move(row(32.0100), row(32.0103, "off"))[0]) is False


def test_new_and_gone_cells_are_moves():
    assert "no such cell to reproduced" in layout.render("demo", move(None, row(32.0100)))
    assert "reproduced to no such cell" in layout.render("demo", move(row(32.0100), None))


def test_an_unknown_revision_gets_one_line():
    with pytest.raises(UserError, match="'no-such' is neither a revision"):
        sides.reader("no-such")


@pytest.mark.parametrize("text", ["[]", "{", '{"format": 9}', f'{{"format": {FORMAT}}}'])
def test_damaged_records_are_refused(text):
    with pytest.raises(UserError, match=rf"reports/demo/records\.json: not the records of format {FORMAT}"):
        sides.load("base", {"reports/demo/records.json": text}.get, "demo")


def test_a_side_from_before_there_was_data_gets_one_line():
    read = {f"reports/demo/{KEY[0]}.md": "# A page"}.get
    with pytest.raises(UserError, match=rf"base: reports/demo/{KEY[0]}\.json: missing .* choose a later revision"):
        sides.load("base", read, "demo")
    assert sides.load("base", {}.get, "demo").values == {}, "a scale without reports has no cells, and that is no error"


def test_damaged_data_is_refused():
    with pytest.raises(UserError, match=rf"base: reports/demo/{KEY[0]}\.json: not a page of the report"):
        sides.load("base", {f"reports/demo/{KEY[0]}.json": "{}"}.get, "demo")


@pytest.mark.parametrize("item", ["01", "C.man", "test001", "stand-in0"])
def test_an_image_is_no_average_whatever_its_name(item):
    (found,) = move(row(32.01, item=item, scope="image"), row(32.02, item=item, scope="image"))
    assert not found.average
    assert "<details><summary>1 single images</summary>" in layout.render("demo", [found])


@pytest.mark.parametrize(
    ("item", "scope"), [("average", "average"), ("s2_skip_e128_d128", "average"), ("s2", "network")]
)
def test_an_average_is_one_whatever_its_name(item, scope):
    (found,) = move(row(32.01, item=item, scope=scope), row(32.02, item=item, scope=scope))
    assert found.average
    assert "<details>" not in layout.render("demo", [found])


def test_a_cell_that_no_node_measures_says_so():
    before, after = side(row(32.01)), side(dataclasses.replace(row(32.02), node=""))
    (found,) = moves(before, after, Ancestry(load_config("demo"), chain(), chain()))
    assert [cause.text for cause in found.causes] == ["no node measures this cell"]


@pytest.fixture(scope="module")
def commits(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with three commits: the reports of a run, of another depth, of another constant of SSIM."""
    folder = checkouts.copied(finished_checkout, tmp_path_factory.mktemp("moved") / "checkout")
    _replace(folder / "params.yaml", r"  dncnn:\n    depth: 3\n", "  dncnn:\n")
    for message, name, before, after in (
        ("base", "params.yaml", "depth: 17", "depth: 4"),
        ("depth", "params.yaml", "depth: 4", "depth: 5"),
        ("ssim", "redenoise/measure/metrics.py", r"\(0\.01 \*", "(0.02 *"),
    ):
        _replace(folder / name, before, after)
        checkouts.snakemake(folder)
        checkouts.run(folder, "git", "add", "-A")
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        checkouts.run(folder, "git", *identity, "commit", "-qm", message)
    return folder


def _replace(path: Path, before: str, after: str) -> None:
    text, count = re.subn(before, after, path.read_text(), count=1)
    assert count == 1, (path, before)
    path.write_text(text)


def measured(folder: Path) -> dict[tuple, str]:
    """Method and metric of every measured cell."""
    found = {}
    for path in folder.glob("reports/demo/*/*.csv"):
        for line in csv.DictReader(path.open(encoding="utf-8")):
            place = (f"{path.parent.name}/{path.stem}", *list(line.values())[1:6])
            if line["reproduced"]:
                found[place] = line["reproduced"]
    return found


def diff(folder: Path, base: str, head: str) -> tuple[str, set[tuple], set[tuple]]:
    """Output of the command, the causes in it, and the (method, metric) of the cells in it."""
    text = checkouts.run(folder, sys.executable, "-m", "redenoise", "diff", base, head, "--scale", "demo", "--all")
    listed = set(re.findall(r"^- (.*)$", text, re.MULTILINE))
    cells = {tuple(line.split("|")[2].split()) for line in text.splitlines() if re.match(r"\| (liu|zhang)", line)}
    return text, listed, cells


def test_a_parameter_moves_the_cells_that_depend_on_it_and_is_their_only_cause(commits):
    text, listed, cells = diff(commits, "HEAD~2", "HEAD~1")
    assert listed == {"params.yaml: families.dncnn_s.network.depth is 5, was 4"}
    assert {method for *_, method, _ in cells} == {"DnCNN-S"}
    ours = {place for place in measured(commits) if place[0].startswith("zhang2017") and place[4] == "DnCNN-S"}
    expected = {place for place in ours if not place[5].startswith("runtime")}  # of a machine, not of a node
    assert len(expected) > 3
    shown = sum(bool(re.match(r"\| zhang2017", line)) for line in text.splitlines())
    assert shown == len(expected)


def test_a_change_of_code_moves_what_it_measures(commits):
    _, listed, cells = diff(commits, "HEAD~1", "HEAD")
    assert listed == {"redenoise/measure/metrics.py has changed"}
    assert {metric for *_, metric in cells} == {"ssim"}


def test_a_folder_can_stand_for_a_revision(commits, tmp_path, capsys, monkeypatch):
    shutil.copytree(commits / "reports", tmp_path / "base/reports")
    monkeypatch.chdir(commits)
    main([str(tmp_path / "base"), "--scale", "demo"])
    assert "`demo`: no cell moved." in capsys.readouterr().out


def spread_row(reproduced: float, spread: float | None, status: str = "reproduced", printed: str = "32.00") -> Value:
    return row(reproduced, status, printed, spread=spread)


def test_a_move_that_another_seed_could_have_made_is_counted_with_its_causes():
    found = move(row(32.0100), spread_row(32.0138, 0.0014))  # 2 * sqrt(2) * 0.0014 = 0.00396
    assert found[0].within_spread
    text = layout.render("demo", found)
    assert "`demo`: 0 cells moved; 1 more within the known spread over seeds." in text
    assert "### Within the known spread over seeds\n\nAverages: 1, single images: 0; up: 1, down: 0." in text
    assert "- workflow/scales/demo.yaml: budget is" in text, "a move has a cause all the same"
    assert "<details><summary>1 averages</summary>" in text and "32.0138" in text.partition("<details>")[2]
    shown = layout.render("demo", found, everything=True)
    assert "32.0138" in shown and "### Within" not in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (row(32.0100), row(32.0138)),
        (row(32.0100), spread_row(32.0138, None)),
        (row(32.0100), spread_row(32.0140, 0.0014)),
        (row(32.0100), spread_row(32.0138, 0.0014, printed="32.01")),
    ],
)
def test_a_move_that_no_known_spread_explains_is_shown(old, new):
    (found,) = move(old, new)
    assert not found.within_spread
    assert f"{new.reproduced:.4f}" in layout.render("demo", [found]).partition("<details>")[0]


def test_how_far_trainings_differ_counts_where_the_weights_are_others():
    made = {"evaluate__kodak-dncnn": {"inputs": {"build/demo/weights/dncnn_color": "a"}, "outputs": {"build/r": "x"}}}
    again = {"evaluate__kodak-dncnn": {"inputs": {"build/demo/weights/dncnn_color": "b"}, "outputs": {"build/r": "y"}}}
    before, after = side(row(32.0100)), side(row(32.1100, spread=0.0014, training_spread=0.05))
    for nodes, expected in ((made, False), (again, True)):
        ancestry = Ancestry(
            load_config("demo"), chain(**made), chain(**nodes, report={"params": {"scale.budget": "x"}})
        )
        (found,) = moves(before, after, ancestry)
        assert found.within_spread == expected
    assert not Ancestry(load_config("demo"), {}, {}).retrained("evaluate-kodak-dncnn"), "nobody knows"


def test_the_spread_of_the_older_side_counts_where_the_newer_has_none():
    assert move(spread_row(32.0100, 0.0014), row(32.0138))[0].within_spread


def test_a_verdict_that_the_seed_may_have_turned_is_no_regression_and_is_shown():
    (found,) = move(spread_row(32.0240, 0.0014), spread_row(32.0260, 0.0014, "off"))
    assert not found.regression
    text = layout.render("demo", [found])
    assert "With another verdict, 1:" in text and "reproduced to off" in text
    (found,) = move(spread_row(32.0240, 0.0004), spread_row(32.0260, 0.0004, "off"))
    assert found.regression


def test_a_cell_that_was_judged_otherwise_without_a_move_is_never_folded_away():
    (found,) = move(spread_row(32.0100, 0.1), spread_row(32.0100, 0.1, "off"))
    assert found.regression and not found.within_spread


@pytest.mark.parametrize("std", ["0.000050", "0.010000"])
def test_a_regression_fails_the_command_unless_the_spread_explains_it(tmp_path, monkeypatch, capsys, std):
    """From the file of spreads through the tables of two reports to the exit code."""
    for name, shift in (("old", 0.0249), ("new", 0.0251)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        config = make_project(tmp_path / name, "bench")
        test_report_spread.measure_bsd68(shift)
        test_report_spread.write_spread("bench", float(std))
        report.run(config)
    monkeypatch.chdir(ROOT)
    command = [str(tmp_path / "old"), str(tmp_path / "new"), "--scale", "bench", "--fail-on-regression"]
    if float(std) > 0.001:
        main(command)
        assert "With another verdict, 1:" in capsys.readouterr().out
        return
    with pytest.raises(SystemExit):
        main(command)
    assert "1 reproduced cells have gone off" in capsys.readouterr().err
