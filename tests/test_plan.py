"""The plan: what would run and why, and what it would cost, from records alone."""

import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest
import yaml

from redenoise.commands.plan import command, costs, differences, estimates, layout
from redenoise.commands.plan.layout import Shown
from redenoise.dag import code, graph, paths, provenance
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from tests import plan_project
from tests.conftest import ROOT

with pytest.MonkeyPatch.context() as patched:
    patched.chdir(ROOT)
    NODES = len(load_config("demo").nodes()) + 1  # with the report


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with outputs and records of all nodes at the scale demo."""
    folder = tmp_path_factory.mktemp("built")
    plan_project.make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(provenance, "ROOT", folder)
        plan_project.build(load_config("demo"))
    return folder


@pytest.fixture
def built(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, made the working directory and the place of the code."""
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(provenance, "ROOT", folder)
    return folder


def judge(scale: str = "demo") -> dict[str, differences.Verdict]:
    config = load_config(scale)
    return differences.judge(config, graph.load(config))


def causes() -> dict[str, list[str]]:
    """Causes of every node with one of its own."""
    return {name: [str(cause) for cause in found.causes] for name, found in judge().items() if found.causes}


def running() -> set[str]:
    return {name for name, found in judge().items() if found.runs}


def replace(path: str, before: str, after: str) -> None:
    text = Path(path).read_text()
    assert before in text
    Path(path).write_text(text.replace(before, after, 1))


def change_record(name: str, **fields: Any) -> None:
    path = Path(f"build/demo/provenance/{name}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_graph_is_that_of_the_configuration(built: Path):
    config = load_config("demo")
    dag = graph.load(config)
    assert {(node.stage, node.key) for node in dag.nodes} == {*config.nodes(), ("report", None)}
    before: set[str] = set()
    for name, upstream in dag.upstream.items():
        assert set(upstream) <= before, name
        before.add(name)
    assert set(dag.upstream["evaluate-kodak-dncnn"]) == {"synthesize-kodak", "download-kodak", "train-dncnn_color"}
    assert len(dag.upstream["report"]) == NODES - 1


def test_nothing_to_do(built: Path):
    assert running() == set()
    assert command.plan("demo", Shown(reasons=True)) == f"scale demo: 0 of {NODES} nodes would run"


def test_everything_to_do_at_a_scale_that_was_not_run(built: Path):
    found = judge("bench")
    assert len(found) == NODES
    assert {cause.kind for verdict in found.values() for cause in verdict.causes} == {"record"}
    assert f"{NODES} of {NODES} nodes would run\n\nWhy:\n  {layout.NEVER_RUN}:" in command.plan("bench", Shown())


def test_changed_parameter_is_named_and_followed_downstream(built: Path):
    replace("params.yaml", "depth: 17", "depth: 18")
    fact = ["parameter params.yaml: families.dncnn_s.network.depth is 18, was 17"]
    assert causes() == {"train-dncnn_s": fact, "architecture": fact, "report": fact}
    assert running() == {*causes(), "evaluate-set12-dncnn_s", "evaluate-bsd68-dncnn_s"}
    follower = judge()["evaluate-bsd68-dncnn_s"]
    assert (follower.upstream, follower.root) == (("train-dncnn_s",), "train-dncnn_s")


def test_changed_setting_of_the_scale_is_named_with_its_file(built: Path):
    replace("workflow/scales/demo.yaml", "part: 300", "part: 200")
    found = causes()
    assert {name.partition("-")[0] for name in found} == {"recognize", "recognize_filtered"}
    assert set(map(tuple, found.values())) == {("parameter workflow/scales/demo.yaml: part is 200, was 300",)}


def test_root_is_where_it_began_and_not_the_node_before(built: Path):
    shutil.rmtree("build/demo/data/kodak")
    found = judge()["recognize-segmentation-joint_2020"]
    assert found.causes == ()
    assert found.root == "download-kodak"
    reason = layout.reason(found)
    assert reason == "its input is made anew by cascade-segment_2020, which began with download-kodak"
    reason = layout.reason(judge()["evaluate-kodak-dncnn"])
    assert reason == "its input is made anew by synthesize-kodak and 2 more, which began with download-kodak"


def test_another_test_set_has_leakage_checked_and_nothing_trained(built: Path):
    shutil.rmtree("build/demo/data/live1")
    assert causes() == {"download-live1": ["output build/demo/data/live1 is missing"]}
    own, others = {"download-live1", "report"}, running()
    rest = {name.partition("-")[0] for name in others - own}
    assert own <= others and rest == {"leakage", "degrade", "restore"}


def test_changed_source_file_is_named_at_every_node_that_it_determines(built: Path):
    name = "redenoise/measure/items.py"
    replace(name, '"""', '"""A changed file. ')
    nodes = [node.name for node in graph.load(load_config("demo")).nodes if name in node.code]
    assert causes() == dict.fromkeys(nodes, [f"source {name} has changed"])
    assert nodes and not {"download-kodak", "train-dncnn_s", "report"} & set(nodes)


def test_source_files_that_are_imported_now_or_no_more_are_named(built: Path, monkeypatch: pytest.MonkeyPatch):
    (built / "stages/leakage/more.py").write_text("")
    line = "from redenoise.data.images import read_image\n"
    replace("stages/leakage/node.py", line, "from stages.leakage import more as read_image\n")
    monkeypatch.setattr(code, "ROOT", built)
    code.determining.cache_clear()
    try:
        found = causes()
    finally:
        code.determining.cache_clear()
    facts = ["redenoise/data/images.py is gone", "stages/leakage/more.py is new", "stages/leakage/node.py has changed"]
    nodes = [f"leakage-{key}" for key in load_config("demo").keys("leakage")]
    assert found == dict.fromkeys(nodes, [f"source {fact}" for fact in facts])


def test_deleted_output_is_the_only_cause(built: Path):
    shutil.rmtree("build/demo/noisy/set12")
    assert causes() == {"synthesize-set12": ["output build/demo/noisy/set12 is missing"]}
    config = load_config("demo")
    measured = [(stage, key) for stage in ("evaluate", "filter") for key in config.keys(stage)]
    evaluations = {f"{stage}-{key}" for stage, key in measured if config.entry(stage, key)["dataset"] == "set12"}
    assert running() == {"synthesize-set12", *evaluations, "report"}


def test_damaged_output_and_changed_input_are_causes(built: Path):
    Path("build/demo/results/kodak-dncnn.csv").write_text("other\n")
    Path("weights/some.json").write_text("other\n")
    found = causes()
    assert found == {
        "evaluate-kodak-dncnn": ["output build/demo/results/kodak-dncnn.csv has changed"],
        "released": ["input weights/some.json has changed"],
    }


@pytest.mark.parametrize("text", ["", "[]", '{"stage": "released"}', "\x00"])
def test_damaged_record_makes_its_node_run(built: Path, text: str):
    Path("build/demo/provenance/released.json").write_text(text)
    assert causes()["released"] == ["record build/demo/provenance/released.json is damaged"]


def test_other_packages_are_reported_but_no_reason_to_run(built: Path, monkeypatch: pytest.MonkeyPatch):
    versions = {**provenance.package_versions(), "numpy": "0.1"}
    monkeypatch.setattr(provenance, "package_versions", lambda: versions)
    text = command.plan("demo", Shown())
    assert f"0 of {NODES} nodes would run" in text
    assert re.search(rf"package numpy is 0\.1, was \S+: {NODES} nodes", text)


def test_json_says_the_same(built: Path):
    replace("params.yaml", "depth: 17", "depth: 18")
    found = json.loads(command.plan("demo", Shown(), as_json=True))
    assert set(found["nodes"]) == running()
    node = found["nodes"]["evaluate-set12-dncnn_s"]
    assert (node["causes"], node["upstream"], node["root"]) == ([], ["train-dncnn_s"], "train-dncnn_s")
    assert node["cost"]["from"] == estimates.HERE
    assert found["stages"]["all"]["runs"] == len(found["nodes"])
    assert found["stages"]["evaluate"]["costs_from"] == {estimates.HERE: 2}


def test_neither_engine_nor_torch_is_needed(built: Path):
    code = "import sys; sys.modules.update(dict.fromkeys(('snakemake', 'dvc', 'torch', 'pandas'))); import runpy; "
    code += "sys.argv = ['redenoise', 'plan']; runpy.run_module('redenoise', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"scale demo: 0 of {NODES} nodes would run\n"


def test_nodes_that_read_from_each_other_in_a_circle_are_named(built: Path):
    first, *others = graph.load(load_config("demo")).nodes
    last = next(node for node in others if set(node.inputs) & set(first.outputs))
    with pytest.raises(UserError, match=f"params.yaml: .*{first.name}.* is a circle; break it"):
        graph.Graph([replaced(first, inputs=last.outputs), *others])


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
    config.settings["published_weights"] = True  # then the hours are those of whoever has trained them
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


def test_targets_are_planned_with_all_that_they_wait_for_and_nothing_else(built: Path):
    shutil.rmtree("build/demo/provenance")
    by_path = json.loads(command.plan("demo", Shown(), True, ["./build/demo/results/set12-dncnn_s.csv"]))
    by_name = json.loads(command.plan("demo", Shown(), True, ["evaluate-set12-dncnn_s"]))
    assert by_path == by_name
    own = {"evaluate-set12-dncnn_s", "synthesize-set12", "train-dncnn_s", "leakage-set12-train400"}
    assert own <= set(by_name["nodes"])
    assert not {"report", "evaluate-kodak-dncnn", "synthesize-kodak"} & set(by_name["nodes"])
    assert by_name["stages"]["all"]["runs"] == by_name["stages"]["all"]["nodes"] == len(by_name["nodes"])
    both = ["synthesize-set12", "synthesize-kodak"]
    found = json.loads(command.plan("demo", Shown(), True, both))
    assert sorted(name for name in found["nodes"] if name.startswith("synthesize")) == sorted(both)


@pytest.mark.parametrize("target", ["set12-dncnn_s", "build/demo/results/none.csv"])
def test_a_target_that_no_node_makes_is_one_line_with_what_was_meant(built: Path, target: str):
    with pytest.raises(
        UserError, match=f"no node is called '{target}' or writes that path; take .*; allowed: "
    ) as error:
        command.plan("demo", Shown(), targets=[target])
    assert target != "set12-dncnn_s" or "allowed: evaluate-set12-dncnn_s; did you mean" in str(error.value)


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
    costs.BENCHMARKS.mkdir(parents=True)
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


def test_paths_of_records_are_those_of_the_graph(built: Path):
    config = load_config("demo")
    found = {(node.stage, node.key): node.record for node in graph.load(config).nodes}
    assert {name: found[name] for name in config.nodes()} == {
        name: paths.provenance("demo", *name).as_posix() for name in config.nodes()
    }
