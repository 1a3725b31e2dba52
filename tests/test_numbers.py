"""What is measured is a number, exact, or empty with its reason: in results, in tables and on pages."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.commands.site.details import _row
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index
from redenoise.dag.results import read_results
from redenoise.data.images import write_png
from redenoise.document import store
from redenoise.document.model import Document, Value
from redenoise.measure.denoising import sized
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import ssim
from redenoise.models.weights import load_network, save_network
from redenoise.recognition.metrics import ranks
from redenoise.support.errors import Unmeasurable, UserError
from redenoise.support.files import sha256_file
from redenoise.support.numbers import fixed
from stages.evaluate.node import run as evaluate
from stages.filter.node import run as classical
from stages.report import node as report
from stages.report import results
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.cascade_project import change_params
from tests.report_project import make_project
from tests.training_project import INDEX, options, small_demo


def put(key: str, *images: np.ndarray) -> None:
    """Make a `download` node's folder of given images."""
    folder, rows = paths.data("demo", key), []
    for index, image in enumerate(images):
        path = folder / f"image{index}.png"
        write_png(path, image)
        size = {"height": image.shape[0], "width": image.shape[1], "split": "test", "label": ""}
        rows.append({"id": f"image{index}", "path": path.name, "sha256": sha256_file(path), **size})
    write_index(folder, INDEX, rows)


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(40, 200, shape).astype(np.uint8)


def rows_of(key: str) -> list[dict[str, str]]:
    return [row for _, row in read_results(paths.results("demo", key), "")]


@pytest.fixture
def small(project: Path) -> Config:
    return small_demo()


@pytest.fixture
def trained(small: Config) -> Config:
    synthesize(small, "set12")
    train(small, "dncnn_b", options())
    return small


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_or_scores_with_a_value_that_is_no_number_are_refused(value: float):
    image = np.full((4, 5), 3.0)
    image[1, 2] = value
    with pytest.raises(UserError, match="1 of 20 values of the image are infinite or no numbers"):
        to_uint8(image)
    with pytest.raises(UserError, match="scores of 1 of 4 images are infinite or no numbers"):
        ranks(image, np.zeros(4, dtype=int))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_named_with_file_and_tensor(trained: Config, value: float):
    path = paths.weights("demo", "dncnn_b") / "model.safetensors"
    network, spec = load_network(path)
    last = [name for name in network.state_dict() if name.endswith("bias")][-1]
    with torch.no_grad():
        network.state_dict()[last][0] = value
    save_network(path, network, spec, "here")
    paths.provenance("demo", "train", "dncnn_b").unlink()
    with pytest.raises(UserError, match=rf"^build/demo/weights/dncnn_b/model.safetensors: tensor '{last}' has values"):
        evaluate(trained, "set12-dncnn_b")
    assert not paths.results("demo", "set12-dncnn_b").exists()


def test_a_network_that_overflows_is_named_with_node_image_level_and_method(trained: Config):
    path = paths.weights("demo", "dncnn_b") / "model.safetensors"
    network, spec = load_network(path)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1e30)
    save_network(path, network, spec, "here")
    paths.provenance("demo", "train", "dncnn_b").unlink()
    found = r"no numbers, .*\[evaluate set12-dncnn_b: image image0, sigma 15, DnCNN-B\]$"
    with pytest.raises(UserError, match=found):
        evaluate(trained, "set12-dncnn_b")


def test_an_image_without_noise_is_exact_behind_a_filter(small: Config):
    put("set12", np.full((20, 24), 128, np.uint8), picture(20, 24))
    change_params(noisy={"set12": {"sigmas": [0, 15, 25, 50]}})
    config = load_config("demo")
    synthesize(config, "set12")
    classical(config, "set12-bm3d")
    values = {(row["item"], row["condition"], row["metric"]): row["value"] for row in rows_of("set12-bm3d")}
    for item in ("image0", "image1"):
        assert values[item, "sigma=0", "psnr"] == "exact" and float(values[item, "sigma=0", "ssim"]) == 1
        assert 10 < float(values[item, "sigma=25", "psnr"]) < 60


def test_exact_values_are_left_out_of_averages_and_block_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path = paths.results("bench", "set12-bm3d")
    lines = list(csv.DictReader(path.read_text().splitlines()))
    first = next(row for row in lines if (row["metric"], row["condition"]) == ("psnr", "sigma=25"))
    others = [row for row in lines if all(row[name] == first[name] for name in ("metric", "condition"))][1:]
    line, exact = (",".join(row.values()) for row in (first, {**first, "value": "exact"}))
    path.write_text(path.read_text().replace(line, exact))
    report.run(config)
    table = {
        (row["item"], row["condition"], row["method"], row["metric"]): row
        for row in csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines())
    }
    assert table[first["item"], "sigma=25", "BM3D", "psnr"]["reproduced"] == "exact"
    average = table["average", "sigma=25", "BM3D", "psnr"]
    mean = sum(float(row["value"]) for row in others) / len(others)
    assert float(average["reproduced"]) == pytest.approx(mean, abs=1e-4)
    assert "1 of 12 images are exact and left out" in average["note"]
    page = Path("reports/bench/zhang2017/table3_set12.md").read_text()
    assert "| exact" in page or " exact " in page
    assert "1 of 12 images are exact and left out" in page
    for file in Path("reports/bench").rglob("*.json"):
        json.loads(file.read_text(), parse_constant=pytest.fail)


def test_infinity_is_exact_in_data_and_on_the_site():
    value = Value("t", "d", "i", "sigma=5", "m", "psnr", "dB", "image", "off", reproduced=float("inf"))
    page = Document("t", "T", (), (value,))
    text = store.render(page)
    assert '"exact"' in text and "Infinity" not in text
    assert store.parse(text, "x") == page
    assert _row(value, {}, {}, {})["reproduced"] == "exact"
    assert fixed(float("inf"), 3) == "exact" and fixed(1234.5, 1, ",") == "1,234.5"
    with pytest.raises(ValueError):
        fixed(float("nan"), 2)


SIZES = [(1, 1), (1, 30), (30, 1), (9, 30), (10, 10), (8, 8), (11, 11)]


@pytest.mark.parametrize("size", SIZES)
def test_small_images_have_a_value_or_a_reason(trained: Config, size: tuple[int, int]):
    put("set12", picture(*size))
    synthesize(trained, "set12")
    evaluate(trained, "set12-dncnn_b")
    classical(trained, "set12-bm3d")
    for row in (*rows_of("set12-dncnn_b"), *rows_of("set12-bm3d")):
        assert np.isfinite(float(row["value"])) if row["value"] else row["note"]
    found = {row["metric"]: row for row in rows_of("set12-dncnn_b")}
    assert np.isfinite(float(found["psnr"]["value"]))
    reason = f"SSIM needs 11 pixels on each side, the image has {size[0]}x{size[1]}"
    assert found["ssim"]["note"] == ("" if min(size) >= 11 else reason)
    blocks = {row["condition"]: row for row in rows_of("set12-bm3d") if row["metric"] == "psnr"}
    assert bool(blocks["sigma=25"]["value"]) == (min(size) >= 8)
    if min(size) < 8:
        assert blocks["sigma=25"]["note"].startswith(f"no value for {size[0]}x{size[1]} pixels: BM3D")


def test_an_empty_cell_keeps_its_reason_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path = paths.results("bench", "set12-bm3d")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    first = next(row for row in rows if (row["metric"], row["condition"]) == ("psnr", "sigma=25"))
    lines = [[*row.values(), ""] if row is not first else [*row.values()][:-1] + ["", "too small"] for row in rows]
    path.write_text("\n".join(",".join(line) for line in ([*rows[0], "note"], *lines)) + "\n")
    report.run(config)
    table = list(csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines()))
    place = ("sigma=25", "BM3D", "psnr")
    cells = {row["item"]: row for row in table if (row["condition"], row["method"], row["metric"]) == place}
    assert (cells[first["item"]]["status"], cells[first["item"]]["note"]) == ("not run", "too small")
    assert cells["average"]["note"].startswith(f"{first['item']}: too small")


def test_a_method_that_fails_on_some_sizes_leaves_them_empty_and_one_that_fails_on_all_says_so():
    def halved(noisy: np.ndarray) -> np.ndarray:
        if noisy.shape[0] % 8 or noisy.shape[1] % 8:
            raise RuntimeError("sizes of tensors\nmust match")
        return noisy

    with pytest.raises(Unmeasurable, match="^no value for 20x33 pixels: sizes of tensors must match$"):
        sized(halved, picture(20, 33, 3).astype(np.float32))

    def broken(noisy: np.ndarray) -> np.ndarray:
        raise RuntimeError("sizes must match")

    with pytest.raises(
        UserError, match="^the method fails on 20x33 pixels .RuntimeError: sizes must match.; check its"
    ):
        sized(broken, picture(20, 33).astype(np.float32))

    def hungry(noisy: np.ndarray) -> np.ndarray:
        raise MemoryError

    with pytest.raises(MemoryError):
        sized(hungry, picture(20, 33).astype(np.float32))


def test_ssim_of_an_image_below_its_window():
    with pytest.raises(Unmeasurable, match="SSIM needs 11 pixels on each side, the image has 10x40"):
        ssim(picture(10, 40), picture(10, 40))


def test_a_level_that_a_network_was_not_trained_for_is_marked_in_results_and_table(trained: Config):
    change_params(noisy={"set12": {"sigmas": [15, 25, 50, 55, 60, 255]}})
    config = load_config("demo")
    synthesize(config, "set12")
    evaluate(config, "set12-dncnn_b")
    notes = {row["condition"]: row["note"] for row in rows_of("set12-dncnn_b")}
    assert notes["sigma=55"] == ""
    for level in (60, 255):
        expected = f"sigma {level} is outside of what the network was trained for (0 to 55)"
        assert notes[f"sigma={level}"] == expected
    assert all(row["value"] for row in rows_of("set12-dncnn_b"))


def test_the_mark_reaches_table_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path, mark = paths.results("bench", "set12-dncnn_b"), "sigma 25 is outside of what the network was trained for (0)"
    header, *lines = path.read_text().splitlines()
    marked = [f"{line},{mark if 'sigma=25' in line else ''}" for line in lines]
    path.write_text("\n".join([f"{header},note", *marked]) + "\n")
    report.run(config)
    table = list(csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines()))
    notes = {(row["condition"], mark in row["note"]) for row in table if row["method"] == "DnCNN-B"}
    assert notes == {("sigma=15", False), ("sigma=25", True), ("sigma=50", False)}
    assert mark in Path("reports/bench/zhang2017/table3_set12.md").read_text()


@pytest.mark.parametrize(("value", "note"), [("nan", ""), ("inf", ""), ("-inf", ""), ("", ""), ("exact", "")])
def test_results_hold_numbers_or_say_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, note: str):
    row = {"unit": "", "metric": "ssim", "value": value, "note": note}
    with pytest.raises(UserError, match="^here: value is .*; expected a finite number"):
        results.check_value(row, "here", {"ssim": ("",)})


def test_out_of_memory_names_image_and_remedy(trained: Config, monkeypatch: pytest.MonkeyPatch):
    text = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
    for error in (RuntimeError(text), MemoryError("Unable to allocate 9 GiB")):

        def full(*given: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("redenoise.measure.apply.denoise", full)
        line = "^evaluate set12-dncnn_b: image image0, sigma 15, DnCNN-B: not enough memory; run fewer jobs"
        with pytest.raises(UserError, match=line):
            evaluate(trained, "set12-dncnn_b")


def test_a_batch_that_does_not_fit_is_named(small: Config, monkeypatch: pytest.MonkeyPatch):
    def full(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr("redenoise.training.patches.Patches.draw", full)
    with pytest.raises(UserError, match="^train dncnn_b, batch 2 of 16 pixels a side: not enough memory; lower"):
        train(small, "dncnn_b", options())


def test_other_errors_stay_what_they_are(trained: Config, monkeypatch: pytest.MonkeyPatch):
    def wrong(*given: object) -> None:
        raise TypeError("a mistake")

    monkeypatch.setattr("redenoise.measure.apply.denoise", wrong)
    with pytest.raises(TypeError, match="a mistake"):
        evaluate(trained, "set12-dncnn_b")
