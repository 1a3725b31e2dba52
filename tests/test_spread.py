"""Averages under other seeds: the same code as the tables, taken up after a kill, and one clear line for bad input."""

import csv
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest

from redenoise.commands.spread import command as stage
from redenoise.commands.spread import table
from redenoise.commands.spread.measure import Kept, cell, names
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_unavailable
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_path
from stages.evaluate.node import run as evaluate
from stages.report import spreads
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.training_project import options, small_demo

CELL = "set12-dncnn_b"
SEEDS = [0, 1, 2]


@pytest.fixture
def small(project: Path) -> Config:
    """A demo configuration cut down to seconds, with data and trained weights of one method."""
    config = small_demo()
    train(config, "dncnn_b", options())
    return config


def measured(config: Config, seeds: list[int], trained: tuple[Path, ...] = ()) -> dict[tuple, dict]:
    """The lines of the file after a measurement, by noise level, metric and what was varied."""
    for lines in stage.spread(config, cell(config, CELL), seeds, list(trained)):
        table.update(config, lines)
    rows = spreads.rows("demo")
    return {(row["condition"], row["metric"], row["varied"]): row for row in rows}


def under(config: Config, seed: int) -> dict[tuple[str, str], list[float]]:
    """What the stages themselves measure under one seed: the values of all images by noise level and metric."""
    changed = replace(config, params={**config.params, "seed": seed})
    synthesize(changed, "set12")
    evaluate(changed, CELL)
    found: dict[tuple[str, str], list[float]] = {}
    with paths.results("demo", CELL).open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found.setdefault((row["condition"], row["metric"]), []).append(float(row["value"]))
    return found


def test_values_are_those_of_the_stages_under_each_seed(small):
    expected = {seed: under(small, seed) for seed in SEEDS}
    before = paths.results("demo", CELL).read_bytes()
    lines = measured(small, SEEDS)
    assert len(lines) == 3 * 2
    for (condition, metric), images in expected[0].items():
        line = lines[condition, metric, "noise"]
        averages = [fmean(expected[seed][condition, metric]) for seed in SEEDS]
        assert [float(value) for value in line["values"].split()] == pytest.approx(averages, abs=6e-7)
        assert line["seeds"].split() == ["0", "1", "2"]
        assert float(line["mean"]) == pytest.approx(fmean(averages), abs=2e-6)
        assert float(line["std"]) == pytest.approx(stdev(averages), abs=2e-6)
        of_images = [stdev(expected[seed][condition, metric][one] for seed in SEEDS) for one in range(len(images))]
        assert float(line["image"]) == pytest.approx(fmean(value**2 for value in of_images) ** 0.5, abs=2e-6)
        assert line["images"] == "2"
        assert line["weights"] == sha256_path(paths.weights("demo", "dncnn_b"))[:16]
    assert paths.results("demo", CELL).read_bytes() == before


def test_a_killed_run_goes_on_with_the_images_that_are_missing(small, monkeypatch):
    calls = []

    def counted(*arguments):
        if len(calls) == 5 and "killed" not in calls:
            calls.append("killed")
            raise KeyboardInterrupt
        calls.append(arguments[3:5])
        return real(*arguments)

    real = stage.measured
    monkeypatch.setattr(stage, "measured", counted)
    with pytest.raises(KeyboardInterrupt):
        measured(small, SEEDS)
    assert not spreads.path("demo").exists(), "the first noise level takes six images"
    found = measured(small, SEEDS)
    assert len([call for call in calls if call != "killed"]) == 2 * 3 * len(SEEDS), "each image, level and seed once"
    measured(small, [*SEEDS, 3])
    assert [call[1] for call in calls if call != "killed"][-6:] == [3] * 6, "a further seed measures itself alone"
    assert measured(small, SEEDS) == found


def test_other_weights_are_measured_anew(small):
    before = measured(small, SEEDS)
    other = replace(small, params={**small.params, "seed": 5})
    shutil.rmtree(paths.weights("demo", "dncnn_b"))
    train(other, "dncnn_b", options())
    after = measured(small, SEEDS)
    key = ("sigma=25", "psnr", "noise")
    assert before[key]["weights"] != after[key]["weights"]
    assert before[key]["values"] != after[key]["values"]


def other_training(config: Config, seed: int, folder: Path) -> Path:
    """A copy of the working directory in which the network is trained with another seed."""
    shutil.copytree(Path(), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.rmtree(paths.weights("demo", "dncnn_b"))
        train(replace(config, params={**config.params, "seed": seed}), "dncnn_b", options())
    return folder


def test_trainings_with_other_seeds_are_measured_under_the_noise_of_the_run(small, tmp_path_factory):
    folder = other_training(small, 7, tmp_path_factory.mktemp("other") / "checkout")
    lines = measured(small, SEEDS, (folder,))
    line = lines["sigma=25", "psnr", "training"]
    assert line["seeds"] == "0 7"
    own, other = line["values"].split()
    assert own == lines["sigma=25", "psnr", "noise"]["values"].split()[0] != other
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert measured(small, SEEDS)["sigma=25", "psnr", "noise"]["values"].split()[0] == other
    found = spreads.load(small, {f"evaluate-{key}": {"inputs": {}} for key in small.keys("evaluate")})
    known = found["demo:Set12", "sigma=25", "DnCNN-B", "psnr"]
    assert (known.seeds, known.trainings) == (3, 2)
    assert known.noise == pytest.approx(float(lines["sigma=25", "psnr", "noise"]["image"]) / 2**0.5)
    assert known.training == float(line["std"])
    assert known.average == pytest.approx((known.noise**2 + known.training**2) ** 0.5)
    assert min(known.noise, known.training) > 0
    with pytest.raises(UserError, match="was trained with the seeds 0, 0"):
        measured(small, SEEDS, (Path(),))


def test_a_training_of_another_kind_is_refused(small, tmp_path_factory):
    folder = other_training(small, 7, tmp_path_factory.mktemp("other") / "checkout")
    path = folder / paths.provenance("demo", "train", "dncnn_b")
    record = json.loads(path.read_text())
    record["models"]["model"]["steps_done"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="steps_done of dncnn_b model is .*, here .*; expected trainings"):
        measured(small, SEEDS, (folder,))
    with pytest.raises(UserError, match="nowhere.*no provenance; run the stage"):
        measured(small, SEEDS, (Path("nowhere"),))


def test_lines_of_other_cells_stay_and_those_of_entries_that_are_gone_go(small):
    lines = list(measured(small, SEEDS).values())
    other = {**lines[0], "dataset": "demo:Kodak", "method": "FFDNet"}
    gone = {**lines[0], "method": "Gone"}
    table.update(small, [other, gone])
    kept = spreads.rows("demo")
    assert kept == [other, *lines], "in the order of params.yaml"


def test_classical_methods_are_measured_where_named(small):
    assert names(small, None) == small.keys("evaluate")
    assert names(small, ["set12-bm3d"]) == ["set12-bm3d"]
    assert cell(small, "set12-bm3d").weights.startswith("torch ")


@pytest.mark.parametrize("text", ["", "1", "1,1", "1,a", "1,-2", "1.5,2", "١,٢"])
def test_seeds_that_are_none_get_one_line(text):
    with pytest.raises(UserError, match="--seeds is "):
        stage.parsed(text)


def test_names_and_inputs_that_are_not_there_get_one_line(small):
    with pytest.raises(UserError, match="did you mean 'set12-dncnn_b'"):
        names(small, ["set12-dncn_b"])
    with pytest.raises(UserError, match=r"weights/dncnn_s: this input is missing; run `python -m stages.train"):
        cell(small, "set12-dncnn_s")


HEAD = "demo:Set12,sigma=25,DnCNN-B,psnr,noise"
GOOD = f"{HEAD},0 1,30.000000 30.200000,30.100000,0.141421,0.200000,12,abc,def"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GOOD.replace("noise", "light")], "line 2: varied is 'light'"),
        ([GOOD.replace("sigma=25", "size=25")], "line 2: 'size=25' and 'psnr' are no noise level"),
        ([GOOD.replace("0 1,", "0 0,")], "line 2: '0 0' are the seeds of 2 values"),
        ([GOOD.replace("0 1,", "0 1 2,")], "line 2: '0 1 2' are the seeds of 2 values"),
        ([GOOD.replace("30.200000", "much")], "line 2: values is 'much'"),
        ([GOOD.replace("0.141421", "-0.141421")], "line 2: std is '-0.141421'"),
        ([GOOD.replace("0.141421", "0.001421")], "line 2: std is 0.001421, of its values it is 0.141421"),
        ([GOOD.replace("30.100000", "30.110000")], "line 2: mean is 30.110000, of its values it is 30.100000"),
        ([GOOD.replace(",12,", ",0,")], "line 2: images is '0'"),
        ([GOOD, GOOD], "line 3: this average occurs twice"),
        ([GOOD.removesuffix(",def")], "line 2: 12 fields; expected 13"),
    ],
)
def test_a_damaged_file_gets_one_line(project, lines, message):
    file = spreads.path("demo")
    file.parent.mkdir(parents=True)
    file.write_text("\n".join([",".join(spreads.COLUMNS), *lines]) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        spreads.rows("demo")
    assert str(caught.value).startswith("reports/spread/demo.csv: ") and "\n" not in str(caught.value)


def test_without_a_file_nothing_is_known(project):
    assert spreads.rows("demo") == []


def test_the_command_measures_what_it_is_told_and_says_why_it_leaves_something_out(small, monkeypatch, capsys):
    write_unavailable(paths.weights("demo", "dncnn_s"), "no weights | today")
    monkeypatch.setattr(stage, "load_config", lambda scale: small)
    monkeypatch.setattr(sys, "argv", ["spread", "--seeds", "3,4", "--only", "set12-dncnn_s", CELL])
    stage.main()
    said = capsys.readouterr()
    assert "spread set12-dncnn_s: nothing to measure: no weights | today\n" in said.out
    assert re.search(
        rf"spread {CELL}: sigma=50, PSNR over 2 seeds of the noise ± .* dB; reports/spread/demo\.csv\n$", said.out
    )
    assert "spread set12-dncnn_b sigma 15: 4/4" in said.err
    assert {row["seeds"] for row in spreads.rows("demo")} == {"3 4"}


def test_a_kept_value_that_was_changed_is_measured_again(tmp_path):
    path = tmp_path / "kept.jsonl"
    with path.open("a+") as stream:
        Kept(stream).add("a", [30.5, 0.9])
        Kept(stream).add("b", [31.5, 0.8])
    with path.open("a+") as stream:
        assert Kept(stream).values == {"a": [30.5, 0.9], "b": [31.5, 0.8]}
    path.write_text(path.read_text().replace("30.5", "30.7"))
    with path.open("a+") as stream:
        assert Kept(stream).values == {"b": [31.5, 0.8]}
