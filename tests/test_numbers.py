"""What is measured is a number, exact, or empty with its reason; and so says the line where it cannot be."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index
from redenoise.dag.levels import outside
from redenoise.dag.results import read_results
from redenoise.data.images import write_png
from redenoise.data.labelled import Example
from redenoise.measure.denoising import sized
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import ssim
from redenoise.models import recognizers
from redenoise.models.filters import bm3d_package
from redenoise.models.weights import load_network, save_network
from redenoise.recognition.metrics import ranks
from redenoise.recognition.outcomes import Subject, _recognised
from redenoise.support.errors import Unmeasurable, UserError
from redenoise.support.files import sha256_file
from stages.evaluate.node import run as evaluate
from stages.filter.node import run as classical
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.cascade_project import change_params
from tests.conftest import scratch
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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one family is trained: to be copied and not to be changed."""
    folder = scratch(tmp_path_factory.mktemp("numbers"))
    with contextlib.chdir(folder):
        config = small_demo()
        synthesize(config, "set12")
        train(config, "dncnn_b", options())
    return folder


@pytest.fixture
def trained(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "project"))
    return load_config("demo")


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


@pytest.mark.parametrize("size", [(8, 8), (5, 8), (8, 8, 3)])
def test_an_image_of_one_block_does_not_reach_the_package_that_it_would_crash(size: tuple[int, ...]):
    pytest.importorskip("bm3d")
    noisy = picture(*size).astype(np.float32)
    with pytest.raises(Unmeasurable, match="^no value for .x8 pixels: bm3d: .x8 pixels, expected more than a block"):
        sized(lambda noisy: bm3d_package.denoise(noisy, 25), noisy)


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


def test_the_blind_model_before_the_tasks_is_marked_at_60():
    params = load_config("demo").params
    family = params["families"][params["recognitions"]["classification-dncnn"]["denoiser"].removeprefix("weights/")]
    assert outside(family, 45) == "" and outside(family, 60).endswith("(0 to 55)")
    assert outside({"sigmas": [15, 30]}, 30) == "" and outside({"sigmas": [15, 30]}, 20).endswith("(15, 30)")


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_scores_that_are_no_numbers_name_the_image(kind: str):
    class Broken(recognizers.TaskNetwork):
        def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            shape = (len(images), 3, *images.shape[2:]) if kind == "segmentation" else (len(images), 3)
            scores = torch.zeros(shape)
            scores[1, 2] = float("nan")
            return images, scores

    network = Broken()
    network.kind, network.classes = kind, 3
    examples = [Example(name, Path(f"{name}.png"), None, 0) for name in "ab"]
    subject = Subject(examples, "set", 0, None, None, network, torch.device("cpu"), {})
    with pytest.raises(UserError, match="^image b: the task's network gives scores that are infinite or no numbers"):
        _recognised(subject, np.zeros((2, 8, 9, 3), np.float32), examples)


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
