"""What the plan says that nodes would cost, from records, from the committed table and from benchmarks."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from redenoise.commands.plan import command, costs, estimates
from redenoise.commands.plan.layout import Shown
from redenoise.dag import graph, provenance
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from tests.conftest import ROOT
from tests.plan_project import NODES, change_record, replace


def test_run_is_recorded_with_processor_time_and_memory(built: Path):
    with provenance.recorded(load_config("demo"), "released"):
        block = bytearray(b"x" * 50_000_000)
        sum(block[:3_000_000])
    record = provenance.read(Path("build/demo/provenance/released.json"))
    assert 0 < record["cpu_seconds"] <= record["seconds"] + 1
    assert record["peak_memory_mb"] > 50
    assert record["peak_gpu_memory_mb"] is None


def test_costs_are_those_of_the_last_run(built: Path):
    gigabyte = Path("build/demo/items/set12-dncnn_s")
    gigabyte.mkdir(parents=True)
    (gigabyte / "a.npy").write_bytes(bytes(2_000_000))
    facts = {"seconds": 100.0, "cpu_seconds": 180.0, "peak_memory_mb": 500.0, "peak_gpu_memory_mb": 30.0, "device": "X"}
    change_record("evaluate-set12-dncnn_s", **facts)
    config = load_config("demo")
    node = next(node for node in graph.load(config).nodes if node.key == "set12-dncnn_s")
    found = costs.measured(config, node)
    assert (found.seconds, found.cpu_seconds, found.gpu_seconds) == (100.0, 180.0, 100.0)
    assert (found.memory_mb, found.gpu_memory_mb, found.device, found.idle) == (500.0, 30.0, "X", False)
    assert 2.0 < found.disk_mb < 2.1


def test_resumed_training_counts_its_hours_and_not_those_of_its_last_start(built: Path):
    models = {"a": {"hours": 2.0}, "b": {"hours": 1.5}}
    change_record("train-dncnn_s", seconds=60.0, cpu_seconds=50.0, models=models, peak_gpu_memory_mb=10.0)
    config = load_config("demo")
    node = next(node for node in graph.load(config).nodes if node.name == "train-dncnn_s")
    found = costs.measured(config, node)
    assert (found.seconds, found.cpu_seconds, found.gpu_seconds) == (7200.0, None, 7200.0)
    released = {name: {**card, "commit": "0" * 40} for name, card in models.items()}  # the hours are of another run
    change_record("train-dncnn_s", models=released)
    assert costs.measured(config, node).seconds == 60.0


def test_recorded_costs_serve_where_nothing_was_run(built: Path):
    change_record("train-dncnn_s", seconds=7200.0, cpu_seconds=3600.0, peak_memory_mb=87654.3)
    change_record("train-dncnn_3", unavailable="no data")
    assert command.record_costs("demo") == f"workflow/costs.csv: {NODES} nodes of scale demo"
    shutil.rmtree("build")
    table = costs.read_table()
    assert table["demo", "train", "dncnn_s"] == costs.Cost(
        7200.0, 3600.0, 0.0, 87700.0, 0.0, table["demo", "train", "dncnn_s"].disk_mb, provenance.describe_device()
    )
    assert table["demo", "train", "dncnn_3"].idle
    train = json.loads(command.plan("demo", Shown(), as_json=True))["stages"]["train"]
    assert train["costs_from"] == {estimates.TABLE: len(load_config("demo").keys("train")) - 1, estimates.IDLE: 1}
    assert 2.0 <= train["one_after_the_other"]["hours"] < 2.1
    assert train["peak_memory_mb"] == 87700.0


def test_a_node_that_took_up_kept_images_leaves_the_recorded_cost_and_adds_none(built: Path):
    change_record("evaluate-set12-dncnn_s", seconds=100.0)
    command.record_costs("demo")
    for name in ("evaluate-set12-dncnn_s", "evaluate-set12-dncnn_b"):
        change_record(name, seconds=0.5, found=3)
    text = costs.TABLE.read_text()
    costs.TABLE.write_text("".join(line for line in text.splitlines(True) if ",set12-dncnn_b," not in line))
    command.record_costs("demo")
    table = costs.read_table()
    assert table["demo", "evaluate", "set12-dncnn_s"].seconds == 100.0
    assert ("demo", "evaluate", "set12-dncnn_b") not in table


def test_the_cost_of_every_node_is_told_dearest_first(built: Path):
    costs_of = {"train-dncnn_s": 720.0, "evaluate-set12-dncnn_s": 30.0}
    for name, seconds in costs_of.items():
        change_record(name, seconds=seconds)
    replace("params.yaml", "depth: 17", "depth: 18")
    text = command.plan("demo", Shown(costs=True))
    lines = [line.split() for line in text.splitlines() if line.startswith(tuple(costs_of))]
    assert [(line[0], line[1]) for line in lines] == [("train-dncnn_s", "720"), ("evaluate-set12-dncnn_s", "30.00")]
    assert json.loads(command.plan("demo", Shown(), True))["nodes"]["train-dncnn_s"]["cost"]["seconds"] == 720.0
    assert "720" not in command.plan("demo", Shown())


def test_table_keeps_what_was_not_run_here_and_drops_what_is_no_node(built: Path):
    row = dict.fromkeys(costs.COLUMNS, "") | {"seconds": "5", "memory_mb": "7", "device": "X"}
    kept = [("bench", "train", "dncnn_s"), ("demo", "released", "")]
    gone = ("demo", "train", "no_family")
    with open(costs.TABLE, "w", newline="") as stream:
        writer = csv.DictWriter(stream, costs.COLUMNS)
        writer.writeheader()
        writer.writerows(row | dict(zip(costs.HEADER, name, strict=True)) for name in [*kept, gone])
    Path("build/demo/provenance/released.json").unlink()
    assert costs.record(load_config("demo"), graph.load(load_config("demo")).nodes) == NODES - 1
    table = costs.read_table()
    assert all(table[name].seconds == 5.0 for name in kept)
    assert gone not in table


def test_nothing_is_invented(built: Path):
    shutil.rmtree("build")
    write_benchmarks()
    found = json.loads(command.plan("paper", Shown(), as_json=True))["stages"]["all"]
    assert found["costs_from"] == {estimates.UNKNOWN: NODES}
    assert (found["gpu"], found["peak_memory_mb"]) == ({"hours": None, "unknown": NODES}, None)
    assert "unknown" in command.plan("paper", Shown())
    with pytest.raises(UserError, match="build/paper: no node has been run here"):
        command.record_costs("paper")


def test_node_that_was_never_run_costs_the_mean_of_its_stage(built: Path):
    paths = sorted(Path("build/demo/provenance").glob("synthesize-*"))
    for path in paths:
        change_record(path.stem, seconds=360.0, peak_memory_mb=float(len(path.stem)))
    Path("build/demo/provenance/synthesize-kodak.json").unlink()
    stage = json.loads(command.plan("demo", Shown(), as_json=True))["stages"]["synthesize"]
    assert stage["costs_from"] == {estimates.MEAN: 1}
    assert stage["one_after_the_other"]["hours"] == pytest.approx(0.1)
    assert stage["peak_memory_mb"] == max(len(path.stem) for path in paths)


def benchmark_record(kind: str = "cuda", **changes: Any) -> dict[str, Any]:
    """What `redenoise benchmark training` leaves, as far as the plan reads it."""
    network = yaml.safe_load(Path("params.yaml").read_text())["families"]["proposed"]["network"]
    ways = [{"name": "plain loop", "networks": 1, "rate": 1.0}, {"name": "fast", "networks": 1, "rate": 50.0}]
    ways += [
        {"name": "fast, 2 together", "networks": 2, "rate": 80.0},
        {"name": "fast, 4 together", "networks": 4, "rate": 100.0},
    ]
    measured = {"network": network, "batch": 32, "patch": 48, **changes}
    return {"machine": {"kind": kind, "device": kind}, "settings": measured, "summary": {"ways": ways}}


def write_benchmarks(*records: dict[str, Any]) -> None:
    """In place of the committed ones."""
    shutil.rmtree(costs.BENCHMARKS)
    costs.BENCHMARKS.mkdir()
    for number, record in enumerate(records):
        (costs.BENCHMARKS / f"{number}.json").write_text(json.dumps(record))


def test_long_trainings_cost_their_steps_divided_by_the_rate(built: Path):
    shutil.rmtree("build")
    write_benchmarks(benchmark_record("cpu"), benchmark_record("cuda"))
    config = load_config("paper")
    own = estimates.Estimator(config, graph.load(config)).own
    # Three networks, of which two are trained together at best; four, all together.
    for name, seconds in (("train-proposed", 3 * 1_500_000 / 80), ("train-proposed_tasks", 4 * 1_500_000 / 100)):
        cost, origin = own[name]
        assert (cost.seconds, cost.gpu_seconds, origin) == (seconds, seconds, estimates.BENCHMARK)
    assert set(own) == {"train-proposed", "train-proposed_tasks"}
    assert not set(estimates.Estimator(load_config("bench"), graph.load(load_config("bench"))).own)


@pytest.mark.parametrize("changes", [{"batch": 16}, {"patch": 40}, {"network": {"name": "dncnn", "channels": 3}}])
def test_rate_of_something_else_is_not_taken(built: Path, changes: dict):
    record = benchmark_record(**changes)
    assert costs.training(load_config("paper"), "train", "proposed", [record]) is None


def test_cascades_cost_what_their_benchmark_says(built: Path):
    found = {"classification": {"training": {"images_per_second": 100.0, "memory": 2e9}}}
    record = {"machine": {"kind": "cuda", "device": "G"}, "found": found}
    cost = costs.training(load_config("paper"), "cascade", "classify_2020", [record])
    assert cost == costs.Cost(4 * 180_000 * 10 / 100.0, None, 72_000.0, None, 2000.0, device="G")
    assert costs.training(load_config("paper"), "cascade", "segment_2020", [record]) is None


def test_committed_benchmarks_can_be_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    records = costs.benchmarks()
    config = load_config("paper")
    for record in records:
        for stage, key in (("train", "proposed"), ("cascade", "classify_2020"), ("cascade", "segment_2020")):
            cost = costs.training(config, stage, key, [record])
            assert cost is None or cost.seconds > 0
