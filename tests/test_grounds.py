"""On what ground a value stands beside print, what status that gives it, and what a scale comes to in sentences."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redenoise.dag.config import Config
from stages.report import causes, grounds
from stages.report import node as stage
from stages.report.tables import ALL_TABLES
from tests.report_project import make_project, page, table_rows, write_record

KODAK = "liu2020/table2_kodak"
PLACE = ("Kodak", "average", "sigma=35")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """A function that makes a project at bench with the cards of `proposed` and `dncnn_color` at sigma 35."""
    monkeypatch.chdir(tmp_path)

    def make(**card: Any) -> Config:
        config = make_project(tmp_path, "bench")
        write_record(config, "train", "proposed", models={"sigma35": card})
        write_record(config, "train", "dncnn_color", models={"sigma35": {"origin": "published weights x.mat"}})
        return config

    return make


def trained(steps: int, schedule: str = "modern", **changes: Any) -> dict[str, Any]:
    card = {"schedule": schedule, "steps_done": steps, "steps": steps, "mode": "fast", "curve": [], "restarts": []}
    return {**card, "device": "some", "hours": 1.0, **changes}


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (trained(1_500_000, "liu2020"), grounds.SCHEDULE),
        (trained(1_499_999, "liu2020"), grounds.TRAINING),
        (trained(1_500_000), grounds.TRAINING),
        ({"origin": "published weights"}, grounds.WEIGHTS),
        (trained(0, "of its authors", source={"file": "x.caffemodel"}), grounds.WEIGHTS),
        (trained(0, "of its authors", source={"file": "x.pth"}), grounds.IMPORTED),
    ],
)
def test_ground_of_a_network(bench, card: dict, expected: str):
    config = bench(**card)
    config.params["families"]["proposed"]["fitted"] = expected == grounds.IMPORTED  # as `redenoise import` writes it
    records = stage.load_context(config).records
    assert grounds.ground(config, records, "Kodak", "Proposed", "sigma=35") == expected
    assert grounds.ground(config, records, "Kodak", "Proposed", "sigma=25") == ""  # no card there
    assert grounds.ground(config, records, "Kodak", "CBM3D", "sigma=25") == grounds.IMPLEMENTATION
    assert grounds.ground(config, records, "Kodak", "no such method", "sigma=25") == ""


def test_a_training_of_ones_own_is_no_verdict_on_a_cell(bench):
    restart = "started from the weights of another, step 7"
    config = bench(**trained(3000, restarts=[restart]))
    stage.run(config)
    rows = table_rows(config, KODAK)
    own, published = (rows[*PLACE, method, "psnr"] for method in ("Proposed", "DnCNN"))
    assert (own["status"], own["ground"], own["detail"]) == ("own training", "own schedule", "")
    assert own["delta"] and (published["status"], published["ground"]) == ("reproduced", "published weights")
    text = page(config, f"{KODAK}.md")
    assert f"{own['delta'][:6]} ○" in text and f"3,000 of 3,000 steps, mode fast; {restart}" in text
    worst = page(config, "overview.md").partition("## Worst deviations")[2].partition("\n## ")[0]
    assert not re.search(r"Proposed, σ 35", worst)


def test_imported_weights_are_no_verdict_on_a_cell(bench):
    config = bench(**trained(0, "of its authors", source={"file": "x.pth"}))
    config.params["families"]["proposed"]["fitted"] = True
    stage.run(config)
    row = table_rows(config, KODAK)[*PLACE, "Proposed", "psnr"]
    assert row["delta"] and (row["status"], row["ground"], row["detail"]) == ("own training", "imported", "")


def test_a_measurement_that_two_papers_print_counts_once(bench):
    config = bench(**trained(3000))
    context = stage.load_context(config)
    comparisons = [stage.compare(spec, context) for spec in ALL_TABLES]
    rows = causes.once(comparisons)
    keys = [(row.dataset, row.item, row.condition, row.method, row.metric, row.printed) for row in rows]
    everything = [row for comparison in comparisons for row in comparison.printed.values()]
    assert len(rows) < len(everything)
    assert {(row.dataset, row.item, row.condition, row.method, row.metric, row.printed) for row in everything} == set(
        keys
    )
    twice = [row for row in rows if (row.item, row.condition, row.method) == ("01", "sigma=25", "FFDNet")]
    assert len(twice) == 1


def test_sentences_and_causes_add_up(bench):
    config = bench(**trained(3000))
    stage.run(config)
    context = stage.load_context(config)
    comparisons = [stage.compare(spec, context) for spec in ALL_TABLES]
    rows = causes.once(comparisons)
    found, off, missing = causes.sentences(comparisons)
    total = sum(int(re.search(r"(\d+)", text)[1]) for text in (found, off, missing))
    own = sum(row.status == "own training" for row in rows)
    assert own and f"{own} more were measured" in off and total + own == len(rows)
    far = [abs(row.delta) for row in rows if row.status == "own training" and row.unit == "dB"]
    assert f", {sum(delta <= 0.1 for delta in far)} of {len(far)} within 0.10 dB of print" in off
    groups = causes.by_cause(rows)
    assert sum(map(len, groups.values())) == sum(row.status == "off" for row in rows)
    assert "own implementation of CBM3D" in groups and f"({len(next(iter(groups.values())))} " in off
    overview = page(config, "overview.md")
    assert all(text in overview for text in (found, off, missing))


@pytest.mark.parametrize(
    ("strength", "expected"), [("strong", causes.MISPRINT), ("weak", "own implementation of BM3D")]
)
def test_a_weak_suspicion_explains_what_nothing_else_does(strength: str, expected: str):
    suspect = SimpleNamespace(strength=strength)
    row = SimpleNamespace(suspect=suspect, ground="own implementation", measured="BM3D")
    assert causes.cause(row) == expected
    assert causes.cause(SimpleNamespace(**{**vars(row), "ground": "published weights"})) == causes.MISPRINT
