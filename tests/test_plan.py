"""The plan: what would run and why, and what it would cost, from records alone."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace as replaced
from pathlib import Path

import pytest

from redenoise.commands.plan import command, estimates, layout
from redenoise.commands.plan.layout import Shown
from redenoise.dag import code, graph, paths, provenance
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from tests.plan_project import NODES, causes, judge, replace, running


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


def test_paths_of_records_are_those_of_the_graph(built: Path):
    config = load_config("demo")
    found = {(node.stage, node.key): node.record for node in graph.load(config).nodes}
    assert {name: found[name] for name in config.nodes()} == {
        name: paths.provenance("demo", *name).as_posix() for name in config.nodes()
    }


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
