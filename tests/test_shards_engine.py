"""Shards as jobs of Snakemake: none where nothing is cut, as many as planned where it is, and the same bytes."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from redenoise.commands.plan import costs
from redenoise.dag.config import load_config
from tests.cascade_project import change
from tests.checkouts import copied, run, snakemake
from tests.test_shards import record_costs

pytest.importorskip("snakemake", reason="Snakemake is not installed: no shards are its jobs")

TARGETS = ("build/demo/results/kodak-cdncnn_b.csv", "build/demo/results/kodak-cbm3d.csv")
NODES = ("evaluate-kodak-cdncnn_b", "filter-kodak-cbm3d")
MINUTES = 0.5
# Seconds that nodes are said to take, for 2, 2, 4 and 2 shards; one image at three levels makes three pieces, for one.
SECONDS = {
    "demo-evaluate-kodak-cdncnn_b": 31,
    "demo-filter-kodak-cbm3d": 59,
    "demo-recognize-classification-cross_2020": 1e6,
    "demo-recognize_filtered-classification-cbm3d": 60,
}
EXPECTED = {"evaluate_shard": 2, "filter_shard": 2, "recognize_shard": 4, "recognize_filtered_shard": 2}


def jobs(folder: Path, *targets: str) -> dict[str, int]:
    """Jobs of a dry run by rule."""
    shown = snakemake(folder, *targets, "--dry-run", "--quiet", "reason")
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", shown, re.MULTILINE)}


def scatter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the nodes of the demo into shards of about half a minute."""
    monkeypatch.chdir(folder)
    change("demo", shard_minutes=MINUTES)
    record_costs(**SECONDS)


@pytest.fixture(scope="module")
def finished(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the targets were made in one piece."""
    folder = copied(finished_checkout, tmp_path_factory.mktemp("shards") / "checkout")
    (folder / costs.TABLE).unlink(missing_ok=True)
    return folder


def test_as_many_jobs_as_planned(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("build", ".snakemake"))
    before = jobs(folder)
    assert not any("shard" in rule for rule in before)
    scatter(folder, monkeypatch)
    assert jobs(folder) == {**before, **EXPECTED, "total": before["total"] + sum(EXPECTED.values())}
    plan = json.JSONDecoder().raw_decode(run(folder, sys.executable, "-m", "redenoise", "plan", "--json"))[0]
    planned = {f"{stage}_shard": found["jobs"] for stage, found in plan["shards"].items() if found["jobs"]}
    assert planned == EXPECTED
    text = run(folder, sys.executable, "-m", "redenoise", "plan")
    unknown = len(load_config("demo").keys("evaluate")) - 1
    assert f"  evaluate: 2 shards of 1 nodes; unknown for {unknown} nodes, which stay whole\n" in text


def test_run_in_shards_gives_the_same_bytes_and_is_not_cut_anew(finished: Path, monkeypatch: pytest.MonkeyPatch):
    expected = {name: (finished / name).read_bytes() for name in TARGETS}
    scatter(finished, monkeypatch)
    shutil.rmtree("build/demo/items")
    for name in TARGETS:
        Path(name).unlink()
    snakemake(finished, *TARGETS)
    assert {name: Path(name).read_bytes() for name in TARGETS} == expected
    records = [json.loads(Path(f"build/demo/provenance/{node}.json").read_text()) for node in NODES]
    assert [record["shards"]["jobs"] for record in records] == [2, 2]
    assert (
        "made 1 of 1, found 0 made already; after all 2 shards"
        in Path("build/demo/logs/filter-kodak-cbm3d-2-of-2.log").read_text()
    )
    assert "made 0 of 3, found 3 made already" in Path("build/demo/logs/filter-kodak-cbm3d.log").read_text()
    assert not list(Path("build/demo/shards").rglob("*.json"))
    assert jobs(finished, *TARGETS) == {}
    # By other costs of their own these nodes would now be cut into three shards each.
    run(finished, sys.executable, "-m", "redenoise", "plan", "--record-costs")
    rows = [line.split(",") for line in costs.TABLE.read_text().splitlines()]
    seconds = costs.COLUMNS.index("seconds")
    changed = [[*row[:seconds], "1e6", *row[seconds + 1 :]] if row[0] == "demo" else row for row in rows]
    costs.TABLE.write_text("".join(",".join(row) + "\n" for row in changed))
    assert {costs.read_table()["demo", *node.split("-", 1)].shards for node in NODES} == {2}
    assert jobs(finished, *TARGETS) == {}
    code = Path("redenoise/models/filters/bm3d.py")
    code.write_text(code.read_text() + "# A change.\n")
    assert jobs(finished, *TARGETS) == {"filter": 1, "filter_shard": 2, "total": 3}
