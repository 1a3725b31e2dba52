"""Shards: the same bytes for any number of them, how many there are, and the jobs that Snakemake makes of them."""

import csv
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from redenoise.commands.cluster import resources
from redenoise.commands.plan import costs
from redenoise.commands.plan.shards import Scatter
from redenoise.dag import graph, paths, provenance
from redenoise.dag.command_line import _main
from redenoise.dag.config import SCALES, Config, load_config
from redenoise.dag.table import BY_NAME, MEASURING
from redenoise.measure.items import denoised_item
from redenoise.models.filters import bm3d
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, write_json
from stages.evaluate import node as evaluate
from stages.filter import node as filter_node
from stages.recognize import node as recognize
from stages.recognize_filtered import node as recognize_filtered
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.cascade_project import change, make_networks, make_sets, small_project
from tests.training_project import options, small_demo

# (n, the order in which the shards run, some of them missing or run twice)
RUNS = [(1, [1]), (2, [2, 1]), (3, [3, 1, 2]), (7, [5, 2, 7, 1, 4, 6, 3]), (3, [3, 1]), (2, [1, 2, 1])]
EVALUATE, FILTER = ("evaluate", "set12-dncnn_b"), ("filter", "set12-bm3d")
LEARNED, CLASSICAL = ("recognize", "classification-separate"), ("recognize_filtered", "segmentation-noisy")


def check_runs(node: tuple[str, str], work: Callable, config: Config, pieces: int, capsys) -> None:
    """A node ends in the bytes of one run in one piece, however it is cut, and finds all that shards have made."""
    stage, key = node
    work(config, key)
    outputs = provenance.read(paths.provenance("demo", stage, key))["outputs"]
    expected = {path: Path(path).read_bytes() for path in outputs}
    for count, order in RUNS:
        for folder in (
            paths.items("demo", key),
            paths.parts("demo", key),
            paths.shard("demo", stage, key, 1, 1).parent,
        ):
            shutil.rmtree(folder, ignore_errors=True)
        for path in expected:
            Path(path).unlink()
        for number in order:
            work(config, key, (number, count))
        assert not any(Path(path).exists() for path in expected)
        capsys.readouterr()
        work(config, key)
        assert {path: Path(path).read_bytes() for path in outputs} == expected, (count, order)
        found = sum(len(range(number - 1, pieces, count)) for number in set(order))
        text = (
            f"made {pieces - found} of {pieces}, found {found} made already; results in {paths.results('demo', key)}\n"
        )
        assert capsys.readouterr().err.endswith(f"{stage} {key}: {text}")
        assert provenance.read(paths.provenance("demo", stage, key))["shards"]["jobs"] == len(set(order))


def test_evaluations_gather_to_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    config = small_demo()
    synthesize(config, "set12")
    train(config, "dncnn_b", options())
    monkeypatch.setattr(bm3d, "denoise", lambda noisy, sigma: noisy * 0.9)
    check_runs(EVALUATE, evaluate.run, config, 6, capsys)  # two images at three noise levels
    check_runs(FILTER, filter_node.run, config, 6, capsys)


def test_recognitions_gather_to_the_same_bytes(project: Path, capsys):
    config = small_project()
    make_sets(config)
    make_networks(config)
    check_runs(LEARNED, recognize.run, config, 12, capsys)  # three parts at four noise levels
    check_runs(CLASSICAL, recognize_filtered.run, config, 12, capsys)


def test_a_shard_says_what_it_did_and_what_gathers(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    config = small_demo()
    synthesize(config, "set12")
    monkeypatch.setattr(bm3d, "denoise", lambda noisy, sigma: noisy)
    for made in (3, 0):
        filter_node.run(config, "set12-bm3d", (2, 2))
        assert capsys.readouterr().err.endswith(
            f"filter set12-bm3d shard 2/2: made {made} of 3, found {3 - made} made already; after all 2 shards "
            "`python -m stages.filter --scale demo --only set12-bm3d` gathers them into "
            "build/demo/results/set12-bm3d.csv\n"
        )
        marker = read_json("build/demo/shards/filter-set12-bm3d/2-of-2.json")
        assert (marker["shard"], marker["made"], marker["found"]) == ([2, 2], made, 3 - made)
    assert not paths.provenance("demo", "filter", "set12-bm3d").exists()
    noisy = [path.name.partition(".")[0] for path in paths.items("demo", "set12-bm3d").rglob("*.png")]
    assert noisy == ["image1"] * 3  # pairs 2, 4 and 6 of two images at three levels


def test_a_shard_of_what_is_not_there_makes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    config = small_demo()
    synthesize(config, "set12")

    def missing() -> str:
        raise UserError("package bm3d is not installed")

    monkeypatch.setattr(bm3d, "version", missing)
    with pytest.raises(UserError, match="not installed"):
        filter_node.run(config, "set12-bm3d", (1, 2))
    config.params["unavailable"] = "skip"
    filter_node.run(config, "set12-bm3d", (1, 2))
    assert "shard 1/2: nothing to make: package bm3d is not installed; after" in capsys.readouterr().err
    assert not paths.results("demo", "set12-bm3d").exists()
    with pytest.raises(UserError, match="build/demo/weights/dncnn_b: this input is missing"):
        evaluate.run(config, "set12-dncnn_b", (1, 2))


def test_who_reads_an_image_while_others_make_it_sees_all_of_it_or_nothing(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    denoised_item(tmp_path, "01", "key", lambda: image)
    path = tmp_path / "01.key.png"
    whole = path.read_bytes()

    def make(number: int) -> bool:
        if number % 4 == 0:
            path.unlink(missing_ok=True)
        denoised_item(tmp_path, "01", "key", lambda: image)
        try:
            return path.read_bytes() == whole
        except FileNotFoundError:
            return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(80)))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("stage", [name for name, stage in BY_NAME.items() if stage.sharded])
def test_wrong_shards_are_one_line(monkeypatch: pytest.MonkeyPatch, stage: str):
    for text in ("", "3", "0/2", "3/2", "a/b", "1/2/3", "-1/2", "²/3"):
        monkeypatch.setattr("sys.argv", ["stage", "--only", "x", f"--shard={text}"])
        with pytest.raises(UserError, match=r"^--shard is '.*'; expected I/N with 1 <= I <= N, such as 3/20$"):
            _main(stage, "", lambda parser: None, ())
    monkeypatch.setattr("sys.argv", ["stage", "--shard", "1/2"])
    with pytest.raises(UserError, match="--shard is for one node; add --only KEY"):
        _main(stage, "", lambda parser: None, ())


def record_costs(**seconds: float) -> None:
    """A table with what nodes have taken, by scale-stage-key."""
    with open(costs.TABLE, "w", newline="") as stream:
        writer = csv.DictWriter(stream, costs.COLUMNS, restval="")
        writer.writeheader()
        for name, value in seconds.items():
            scale, stage, key = name.split("-", 2)
            writer.writerow({"scale": scale, "stage": stage, "key": key, "seconds": value})


def benchmark(kind: str, rate: float) -> None:
    found = {"classification": {"recognition": {"images_per_second": rate}}}
    write_json(f"reports/benchmark/{kind}.json", {"machine": {"kind": kind}, "found": found})


def test_most_scales_cut_nothing(project: Path):
    cut = {path.stem for path in SCALES.glob("*.yaml") if load_config(path.stem).settings["shard_minutes"]}
    assert cut == {"long", "paper"}
    record_costs(**{"bench-filter-kodak-cbm3d": 1e6})
    assert Scatter(load_config("bench")).markers("filter", "kodak-cbm3d") == []
    assert Scatter(load_config("bench")).jobs(["filter-kodak-cbm3d"]) == {}


def test_number_follows_from_recorded_seconds(project: Path):
    names = ("evaluate-kodak-dncnn", "filter-kodak-cbm3d", "filter-cbsd68-cbm3d", "filter-set12-bm3d")
    record_costs(**{f"bench-{name}": seconds for name, seconds in zip(names, (7200, 7201, 0.01, 1e9), strict=True)})
    scatter = Scatter(load_config("paper"))
    assert [scatter.count(*name.split("-", 1)) for name in names] == [2, 3, 1, 36]  # Set12 has 12 images at 3 levels
    assert scatter.markers("evaluate", "kodak-dncnn") == [
        "build/paper/shards/evaluate-kodak-dncnn/1-of-2.json",
        "build/paper/shards/evaluate-kodak-dncnn/2-of-2.json",
    ]
    assert scatter.jobs(names[1:3]) == {"filter": {"nodes": 1, "jobs": 3, "unknown": 1}}
    record_costs(**{"demo-evaluate-kodak-dncnn": 7200})  # of other images
    assert Scatter(load_config("paper")).count("evaluate", "kodak-dncnn") == 1


def test_number_follows_from_the_benchmark_of_the_kind_of_machine(project: Path):
    benchmark("cuda", 100.0)
    assert Scatter(load_config("paper")).count("recognize", "classification-mse") == 1  # nobody knows about CPUs
    benchmark("cpu", 1.0)
    found = {
        key: Scatter(load_config("paper")).count("recognize", f"classification-{key}") for key in ("mse", "range1")
    }
    assert found == {"mse": 28, "range1": 14}  # 100,000 and 50,000 images at one image per second
    assert Scatter(load_config("paper")).count("recognize_filtered", "classification-clean") == 14
    assert Scatter(load_config("paper")).seconds("recognize", "segmentation-mse") is None
    resources.CLUSTER.parent.mkdir(parents=True)
    resources.CLUSTER.write_text("gpu: {ask: gpu}\n")
    assert Scatter(load_config("paper")).seconds("recognize", "classification-mse") == 1000
    assert Scatter(load_config("paper")).seconds("recognize_filtered", "classification-noisy") == 200_000


def test_classical_denoisers_cost_by_the_pixel(project: Path):
    images = 24 * 3
    record_costs(**{"bench-filter-kodak-cbm3d": images * 768 * 512 * 1e-4})
    found = Scatter(load_config("paper"))
    assert found.seconds("recognize_filtered", "classification-cbm3d") == pytest.approx(200_000 * 224 * 224 * 1e-4)
    assert found.count("recognize_filtered", "classification-cbm3d") == 279
    assert found.count("recognize_filtered", "segmentation-cbm3d") == 24  # there are no more parts


def test_a_recorded_number_stays_until_its_minutes_change(project: Path):
    record_costs(**{"bench-evaluate-kodak-dncnn": 7200})
    config = load_config("paper")
    record = {
        "stage": "evaluate",
        "params": {},
        "inputs": {},
        "outputs": {},
        "sources": {},
        "packages": {},
        "python": "",
    }
    record |= {"seconds": 10.0, "cpu_seconds": 9.0, "device": "X", "mode": "reference"}
    shards = {"jobs": 2, "seconds": 5000.0, "cpu_seconds": 4000.0}
    write_json(paths.provenance("paper", "evaluate", "kodak-dncnn"), {**record, "shards": shards})
    costs.record(config, graph.load(config).nodes, shards=Scatter(config).count)
    row = costs.read_table()["paper", "evaluate", "kodak-dncnn"]
    assert (row.seconds, row.cpu_seconds, row.shards, row.shard_minutes) == (5010, 4010, 2, 60)
    assert Scatter(change("paper", shard_minutes=60)).count("evaluate", "kodak-dncnn") == 2
    record_costs(**{"bench-evaluate-kodak-dncnn": 36_000})
    assert Scatter(load_config("paper")).count("evaluate", "kodak-dncnn") == 10  # no row of its own any more
    costs.record(config, graph.load(config).nodes, shards=lambda stage, key: 3)
    assert Scatter(load_config("paper")).count("evaluate", "kodak-dncnn") == 3
    assert Scatter(change("paper", shard_minutes=20)).count("evaluate", "kodak-dncnn") == 5  # of 5010 seconds


def test_slurm_gives_shards_their_minutes_and_what_gathers_few(project: Path):
    site = {**resources.load_cluster(), "factors": {"memory": 1, "time": 1.5}}
    site["cpu"] = {**site["cpu"], "max_hours": 4}
    asked = {request.stage: request for request in resources.requests(site, "paper")}
    for stage in MEASURING:
        whole, shard = asked[stage], asked[f"{stage}_shard"]
        assert (shard.minutes, shard.max_minutes, shard.together) == (180, 240, 1)
        assert (shard.cpus, shard.mb, shard.gpus) == (whole.cpus, whole.mb, whole.gpus)
        assert resources.rule_resources(site, whole)["runtime"].startswith(
            f"min((90 if input.shards else {whole.minutes})"
        )
    assert not any("_shard" in request.stage for request in resources.requests(site, "bench"))
    assert resources.rule_resources(site, asked["train"])["runtime"] == "min(2160 * min(attempt, 3), 240)"
