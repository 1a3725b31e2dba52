"""The training benchmark: what it counts, the plain loop's patches, the report, and a run in miniature."""

import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from redenoise.commands.benchmark import others, peaks, run
from redenoise.commands.benchmark.machine import slug
from redenoise.commands.benchmark.report import limits_text, number, render, summarise
from redenoise.commands.benchmark.ways import PARTS, PatchDataset, begun, random_images, set_plain_mode
from redenoise.data.images import write_png
from redenoise.measure import torch_mode
from redenoise.support.errors import UserError
from redenoise.training.patches import Patches
from tests.conftest import ROOT

MACHINE = {
    "kind": "cuda",
    "device": "Some GPU",
    "processor": "Some CPU",
    "cores": 16,
    "system": "Linux",
    "python": "3.12.3",
    "torch": "2.11.0",
    "cuda": "13.0",
    "cudnn": 91000,
}


class Convolution(nn.Module):
    """One layer that can be called like a denoiser."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return self.layer(noisy)


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, the header's first."""
    lines = text.split(f"## {heading}\n\n")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in [lines[0], *lines[2:]]]


def record(kind: str = "cuda") -> dict:
    """Raw measurements with round numbers: 10 GFLOP a step, peaks of 100, 50 and 20 TFLOP/s."""
    result = {
        "machine": {**MACHINE, "kind": kind},
        "date": "2026-01-01 00:00 UTC",
        "commit": None,
        "settings": {
            "seconds": 10.0,
            "fewest_steps": 3,
            "repeats": 3,
            "warm_up_steps": 3,
            "schedule": "modern",
            "network": {"name": "multiscale", "scales": 3},
            "batch": 32,
            "patch": 48,
            "workers": 8,
        },
        "flops": {"forward": 4_000_000_000, "step": 10_000_000_000},
        "images": {"count": 432, "source": "random images", "mean_png_bytes": 270_000},
        "peaks": {
            "bf16": {"2048": [60.0, 70.0, 65.0], "8192": [100.0, 90.0, 110.0]},
            "tf32": {"2048": [50.0, 50.0, 50.0]},
            "fp32": {"2048": [20.0, 20.0, 20.0]},
        },
        "ways": [
            {"name": "plain loop", "precision": "tf32", "networks": 1, "rates": [100.0, 120.0, 90.0]},
            {"name": "reference", "precision": "fp32", "networks": 1, "rates": [200.0, 200.0, 200.0]},
            {"name": "fast", "precision": "bf16", "networks": 1, "rates": [1000.0, 1000.0, 1100.0]},
            {"name": "fast, 4 together", "precision": "bf16", "networks": 4, "rates": [2500.0, 2400.0, 2600.0]},
        ],
        "others": [
            {"trained": "dncnn_s", "name": "fast", "precision": "bf16", "networks": 1, "rates": [500.0] * 3}
            | {"flops": 40_000_000_000, "batch": 16}
        ],
    }
    return result | {"summary": summarise(result)}


@pytest.fixture
def defaults() -> Iterator[None]:
    """PyTorch's defaults again, for the tests that follow."""
    yield
    set_plain_mode(torch.get_num_threads())
    torch.backends.cudnn.benchmark = False


def test_flops_of_a_convolution_equal_the_count_by_hand():
    forward = 2 * (2 * 4 * 6 * 6) * (3 * 3 * 3)  # two for each multiply-add, of 27 for each output value
    with torch.device("meta"):
        counted = peaks.count_flops(Convolution(), (2, 3, 8, 8), (2,))
    # The backward pass makes the gradient of the weights, as much again; the input wants none.
    assert counted == {"forward": forward, "step": 2 * forward}


def test_call_rate_warms_up_and_makes_at_least_the_fewest_calls():
    calls = itertools.count()
    assert peaks.call_rate(lambda: next(calls), 1e-9, 7, torch.device("cpu")) > 0
    assert next(calls) >= peaks.WARM_UP_CALLS + 1 + 7


def test_plain_patches_stand_in_their_image_flipped_or_turned(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (20, 26, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    dataset = PatchDataset([tmp_path / "a.png"], 8, repeats=30)
    assert len(dataset) == 30
    windows = np.lib.stride_tricks.sliding_window_view(image, (8, 8, 3)).reshape(-1, 8, 8, 3)
    known = {window.tobytes() for window in windows}
    random.seed(0)
    turned = 0
    for index in range(len(dataset)):
        patch = dataset[index]
        assert patch.dtype == torch.float32 and patch.shape == (3, 8, 8)
        assert 0.0 <= patch.min() <= patch.max() <= 1.0
        pixels = (patch * 255.0).round().byte().permute(1, 2, 0).numpy()
        variants = [np.rot90(side, turn) for side in (pixels, pixels[:, ::-1]) for turn in range(4)]
        assert any(np.ascontiguousarray(variant).tobytes() in known for variant in variants)
        turned += pixels.tobytes() not in known
    assert 0 < turned < len(dataset)


def test_random_images_have_both_orientations_and_differ():
    images = random_images(3, (17, 30))
    assert [image.shape for image in images] == [(17, 30, 3), (30, 17, 3), (17, 30, 3)]
    assert not np.array_equal(images[0], images[2])
    assert np.array_equal(images[2], random_images(3, (17, 30))[2])


def test_machine_without_the_checker_of_the_configuration_will_do():
    absent = ("jsonschema", "h5py", "scipy", "skimage", "tabulate")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        "import torch; from redenoise.commands.benchmark import machine as benchmark, run\n"
        "print(benchmark.describe_machine(torch.device('cpu'), 1)['torch'])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, torch.__version__), result.stderr


def test_slug_names_the_device_and_the_cores_of_a_processor():
    assert slug({"kind": "cuda", "device": "NVIDIA H200", "cores": 16}) == "nvidia-h200"
    assert slug({"kind": "cpu", "device": "AMD EPYC (tm)", "cores": 2}) == "amd-epyc-tm-2-cores"


def test_summary_relates_medians_to_the_plain_loop_and_to_the_peaks():
    summary = record()["summary"]
    assert summary["peaks"] == {"bf16": 100.0, "tf32": 50.0, "fp32": 20.0}
    plain, reference, fast, together = summary["ways"]
    assert (plain["rate"], plain["ratio"], plain["spread"]) == (100.0, 1.0, 0.3)
    assert plain["share"] == pytest.approx(1.0 / 50.0) and plain["bf16_share"] == pytest.approx(1.0 / 100.0)
    assert reference["ratio"] == 2.0 and reference["share"] == pytest.approx(2.0 / 20.0)
    assert fast["tflops"] == pytest.approx(10.0) and fast["share"] == pytest.approx(0.1)
    assert together["ratio"] == 25.0 and together["patches"] == 2500.0 * 32
    assert together["share"] == together["bf16_share"] == pytest.approx(0.25)


def test_page_shows_what_was_measured():
    page = render(record())
    header, *lines = rows(page, "Steps per second")
    assert len(lines) == 4
    together = dict(zip(header, lines[3], strict=True))
    assert together["way"] == "fast, 4 together" and together["steps/s"] == "2500" and together["times plain"] == "25.0"
    assert together["TFLOP/s"] == "25.0" and together["of bf16 peak"] == "25.0 %" and together["spread"] == "8.0 %"
    assert "bf16 100, tf32 50.0, fp32 20.0" in page
    assert page == render(json.loads(json.dumps(record(), sort_keys=True)))


def test_parts_of_the_step_are_explained_where_they_were_measured():
    measured, part = record(), "captured, kernels"
    assert part not in render(measured)
    measured["ways"].insert(2, {**measured["ways"][2], "name": part, "rates": [800.0, 800.0, 800.0]})
    page = render(measured | {"summary": summarise(measured)})
    assert "`captured, kernels` with the graph and with kernels of our own" in page
    assert [row[0] for row in rows(page, "Steps per second")[1:]][2:4] == [part, "fast"]


def test_a_part_of_the_step_that_cannot_run_here_is_left_out(defaults: None, capsys: pytest.CaptureFixture[str]):
    workshop = run.make_workshop({"divisor": 16}, {"batch": 2, "patch": 20})
    patches = Patches(random_images(2, (40, 52)), 20, 2, workshop.device, "test")
    makers = {part: partial(workshop.ours, "fast", 1, patches, part) for part in PARTS}
    found = {part: begun(make, workshop.device, part) for part, make in makers.items()}
    assert all(way is None or (way.name, way.done) == (part, 1) for part, way in found.items())
    # On a processor the kernels run in an interpreter alone, which is not asked for here.
    left_out = {part for part, way in found.items() if way is None}
    assert left_out == (set() if workshop.device.type == "cuda" else {"captured, kernels"})
    lines = capsys.readouterr().err
    assert all(f"benchmark: {part} is left out: " in lines for part in left_out)


def test_other_trainings_have_a_table_of_their_own():
    (row,) = record()["summary"]["others"]
    assert row["patches"] == 500.0 * 16 and row["tflops"] == pytest.approx(20.0) and row["share"] == pytest.approx(0.2)
    header, *lines = rows(render(record()), "Other trainings")
    shown = dict(zip(header, *lines, strict=True))
    assert shown["trained"] == "dncnn_s" and shown["TFLOP/s"] == "20.0" and "times plain" not in shown
    alone = record() | {"others": []}
    assert "Other trainings" not in render(alone | {"summary": summarise(alone)})


# Networks and batches for tests, of what is measured at full size.
SMALL = {
    "table1": {"divisor": 16},
    "dncnn_s": {"depth": 3, "width": 4},
    "ffdnet_color": {"depth": 3, "width": 4},
    "segment_photographs_training": {"multiplier": 0.125, "head": 4},
}


@pytest.mark.parametrize("name", others.OTHERS)
def test_each_of_the_other_trainings_is_measured(defaults: None, name: str):
    bench = others.Bench(torch_mode.device(), 1, 0, 0.001, 2)
    found = others.measure(name, random_images(2, (40, 52)), bench, SMALL[name], {"batch": 2, "patch": 32})
    designs = yaml.safe_load(others.GROUPS.read_text())["table1"]["train"]
    assert found[0]["name"].startswith("fast") and found[0]["flops"] > 0
    for way in found:
        assert way["trained"] == name and way["batch"] == 2 and len(way["rates"]) == 2 and min(way["rates"]) > 0
        assert way["networks"] == (len(designs) if name == "table1" else 1)


def test_what_limits_follows_from_the_numbers():
    ways = record()["summary"]["ways"]
    text = limits_text(ways)
    # 1 ms a step, 0.1 ms at the peak.
    assert "lasts 1.00 ms" in text and "would last 0.1 ms" in text
    assert "4 networks together do 2.50 times" in text and "leaves part of the device idle" in text
    assert "together" not in limits_text(ways[:3])
    assert "already occupies the device" in limits_text([*ways[:3], ways[3] | {"rate": ways[2]["rate"]}])


COMMITTED = sorted((ROOT / "reports/benchmark").glob("*.json"))
OF_STEPS = [path for path in COMMITTED if "summary" in json.loads(path.read_text())]


@pytest.mark.parametrize("path", OF_STEPS, ids=lambda path: path.stem)
def test_committed_measurements_make_the_committed_table(path: Path):
    committed, page = path.with_suffix(".md").read_text(), render(json.loads(path.read_text()))
    assert rows(page, "Steps per second") == rows(committed, "Steps per second")


def test_numbers_keep_three_digits():
    assert [number(value) for value in (12345.6, 99.96, 1.234, 0.012345)] == ["12346", "100.0", "1.23", "0.0123"]


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
def test_a_length_of_no_time_is_refused(seconds: str):
    with pytest.raises(UserError, match=f"--seconds: found {seconds}, expected a number above 0; correct it"):
        run.main(["--seconds", seconds])


def test_miniature_run_measures_every_way(project: Path, defaults: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "training_images", lambda: (random_images(4, (40, 52)), "random images"))
    monkeypatch.setattr(run, "REPEATS", 1)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the process that measures the mode `reference`
    monkeypatch.setattr(peaks, "SIZES", dict.fromkeys(peaks.SIZES, (16, 32)))
    others.GROUPS.write_text(yaml.safe_dump({"table1": {"scale": "modern", "train": ["s2_skip_e128_d128"]}}))
    page = run.benchmark(project / "out", 0.01, {"divisor": 16}, {"batch": 2, "patch": 20}, ["table1"])
    found = json.loads(page.with_suffix(".json").read_text())
    names = [way["name"] for way in found["ways"]]
    assert names[:3] == ["plain loop", "reference", "fast"] and len(names) >= 4
    assert all(len(way["rates"]) == 1 and min(way["rates"]) > 0 for way in found["ways"])
    assert set(found["peaks"]) >= {"bf16", "fp32"} and found["summary"]["peaks"]["bf16"] > 0
    assert found["settings"]["network"]["divisor"] == 16 and found["images"]["count"] == 4
    assert {way["trained"] for way in found["others"]} == {"table1"}
    text = page.read_text()
    assert text == render(found) and names[3] in text
    assert not list(page.parent.glob(".*"))
