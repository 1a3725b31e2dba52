"""Figures made of images: a tiny project with tiny networks that have learned nothing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ImageFont
from torch import nn

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import MISSING, write_index
from redenoise.data.images import read_image, write_png
from redenoise.measure.metrics import psnr
from redenoise.models import recognizers
from redenoise.models.filters import bm3d
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file, write_json
from stages.illustrate import canvas, classes, gradients, labels, real, truth
from stages.illustrate.methods import tensor
from stages.illustrate.node import CAPTIONS, FIGURES
from stages.illustrate.node import run as illustrate
from tests.illustrate_project import captions, cascades, empty, made, make_project, picture
from tests.training_project import change_scale

WITHOUT_NOISE = ("figure10_units.png",)


@pytest.fixture
def small(project: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    return make_project(monkeypatch)


def test_all_figures_have_pictures_titles_and_captions(small):
    illustrate(small)
    assert set(made()) == {*FIGURES, CAPTIONS}
    assert set(captions()) == set(FIGURES)
    for name, entry in captions().items():
        assert set(entry) == {"title", "caption"}
        assert name.partition("_")[0].replace("figure", "Figure ") in entry["title"]
        assert ("stand-ins" in entry["caption"]) != ("a photograph" in entry["caption"])
        assert "not run" not in entry["caption"]
        image = picture(name)
        assert image.shape[1] > 600 and len(np.unique(image)) > 50
    assert "sigma = 45" in captions()["figure4_zoom.png"]["caption"]
    assert "Poisson-Gaussian" in captions()["figure7_real.png"]["caption"]


def test_the_record_names_every_input(small):
    illustrate(small)
    record = provenance.read(paths.provenance("demo", "illustrate"))
    known = {"tasks", "weights", "data", "labelled", "cascades"}
    assert {path.as_posix() for kind in known for path in paths.build("demo").joinpath(kind).iterdir()} == set(
        record["inputs"]
    )
    assert {path.as_posix() for path in cascades()} < set(record["inputs"])
    assert list(record["outputs"]) == ["build/demo/figures"]


def test_two_runs_give_the_same_bytes_and_another_seed_gives_others(small):
    illustrate(small)
    first = made()
    illustrate(small)
    assert made() == first
    illustrate(Config("demo", {**small.params, "seed": 1}, small.settings))
    assert all(made()[name] != first[name] for name in FIGURES if name not in WITHOUT_NOISE)


@pytest.mark.parametrize(
    ("folder", "figures"),
    [
        (paths.labelled("demo", "imagenet_val"), {"figure3_gradients.png"}),
        (paths.task("demo", "classification"), {"figure3_gradients.png"}),
        (paths.cascade("demo", "classify_2020"), {"figure3_gradients.png"}),
        (paths.task("demo", "segmentation"), {"figure6_labels.png"}),
        (paths.data("demo", "kodak"), {"figure4_zoom.png"}),
        (paths.data("demo", "rni15"), {"figure7_real.png"}),
        (paths.data("demo", "cc15"), {"figure7_truth.png"}),
        (paths.labelled("demo", "imagenet_1300"), {"figure3_photographs.png", "figure6_classes.png"}),
        (paths.task("demo", "segment_photographs"), {"figure6_photographs.png"}),
        (
            paths.data("demo", "photographs"),
            {"figure5_units.png", "figure10_units.png", "figure12_general.png"},
        ),
        (paths.weights("demo", "dncnn_3"), {"figure12_general.png"}),
        (paths.weights("demo", "xdncnn"), {"figure5_units.png"}),
        (paths.weights("demo", "xsrcnn_f"), {"figure10_units.png"}),
        (paths.cascade("demo", "segment_2020"), set()),
        (paths.cascade("demo", "segment_photographs"), set()),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_figure_whose_inputs_are_not_there_says_why(small, folder, figures):
    illustrate(small)
    before = made()
    empty(folder, "a reason\nof two lines")
    illustrate(small)
    found = captions()
    unavailable = {name: entry["unavailable"] for name, entry in found.items() if "unavailable" in entry}
    assert unavailable == dict.fromkeys(figures, "a reason of two lines")
    for name in figures:
        image = picture(name)
        assert image.shape[0] < 60 and (image == 0).any(), "one line of words on a plain ground"
        assert made()[name] != before[name]
    reads = {"segment_2020": 4, "classify_2020": 1, "segment_photographs": 2 * (folder.parent.name == "cascades")}.get(
        folder.name, 0
    )  # other figures lose panels alone
    partly = [name for name, entry in found.items() if "was not run: a reason of two lines." in entry["caption"]]
    assert len(partly) == reads
    assert all(made()[name] != before[name] and picture(name).shape[0] > 200 for name in partly)
    record = provenance.read(paths.provenance("demo", "illustrate"))
    assert record.get("unavailable_figures", {}) == unavailable


def test_label_maps_need_at_least_one_denoiser(small):
    for folder in (paths.weights("demo", "proposed_tasks"), *cascades()):
        empty(folder, "nothing trained")
    illustrate(small)
    assert captions()["figure6_labels.png"]["unavailable"] == "nothing trained"
    assert "unavailable" not in captions()["figure4_zoom.png"]


def test_a_noise_level_without_weights_leaves_its_panels_empty(small):
    folder = paths.weights("demo", "proposed_tasks")
    (folder / "sigma45.safetensors").unlink()
    write_json(folder / MISSING, {"sigma45": "not trained yet"})
    illustrate(small)
    for name in ("figure4_zoom.png", "figure6_labels.png"):
        assert "Separate was not run: not trained yet." in captions()[name]["caption"]
        assert (picture(name) == canvas.GRAY).all(axis=2).sum() > 10000
    assert "not run" not in captions()["figure7_real.png"]["caption"]


def test_without_bm3d_its_panels_alone_are_empty(small, monkeypatch):
    def version() -> str:
        raise UserError("package bm3d is not installed")

    monkeypatch.setattr(bm3d, "version", version)
    illustrate(small)
    for name in ("figure4_zoom.png", "figure7_real.png"):
        assert "CBM3D was not run: package bm3d is not installed." in captions()[name]["caption"]
        assert "unavailable" not in captions()[name]


def test_a_missing_input_ends_the_stage_and_leaves_the_former_figures(small):
    illustrate(small)
    before = made()
    shutil.rmtree(paths.data("demo", "rni15"))
    with pytest.raises(UserError, match="build/demo/data/rni15: this input is missing"):
        illustrate(small)
    assert made() == before


def loaded() -> tuple[nn.Module, recognizers.TaskNetwork]:
    denoiser, _ = load_network(cascades()[0] / "sigma30.safetensors")
    return denoiser, load_network(paths.task("demo", "classification") / "model.safetensors", build=recognizers.build)[
        0
    ]


def test_gradients_differ_between_the_losses_and_are_finite(small):
    draw = np.random.default_rng(0)
    clean = draw.integers(0, 256, (32, 40, 3)).astype(np.float32)
    noisy = clean + 30 * draw.standard_normal(clean.shape, dtype=np.float32)
    pair = (tensor(noisy), tensor(clean))
    found = [gradients.gradient(*loaded(), weights, *pair, 1) for weights in gradients.LOSSES.values()]
    for values in found:
        assert values.shape == clean.shape and np.isfinite(values).all() and np.abs(values).max() > 0
    maps = [gradients.as_gray(values) for values in found]
    assert all(image.max() == 255 for image in maps)
    assert all((maps[a] != maps[b]).mean() > 0.5 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_the_gradient_of_the_mean_squared_error_behind_no_denoiser_is_known(small):
    class Same(nn.Module):
        def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return noisy * 1.0

    draw = np.random.default_rng(0)
    clean, noisy = (draw.uniform(0, 255, (16, 24, 3)) for _ in range(2))
    weights = gradients.LOSSES["reconstruction loss"]
    found = gradients.gradient(Same(), loaded()[1], weights, tensor(noisy), tensor(clean), 0)
    np.testing.assert_allclose(found, 2 * (noisy - clean) / 255 / clean.size, rtol=1e-3, atol=1e-8)


def test_a_gradient_of_zero_is_black():
    assert (gradients.as_gray(np.zeros((4, 5, 3), dtype=np.float32)) == 0).all()


def test_colours_of_classes_are_those_of_pascal_voc_and_ignored_pixels_are_white():
    colours = labels.palette()
    wanted = {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128), 255: (255, 255, 255)}
    assert {number: tuple(colours[number]) for number in wanted} == wanted
    assert len(np.unique(colours[:21], axis=0)) == 21


def test_the_true_label_map_is_shown_in_its_colours(small):
    illustrate(small)
    image = picture("figure6_labels.png")
    for number in (2, 3):  # each of four stripes has a quarter of a panel
        assert (image == labels.palette()[number]).all(axis=2).sum() >= 2 * (32 * 10) * 6**2


def test_label_maps_stand_below_the_truth_the_noisy_image_and_each_denoiser(small):
    illustrate(small)
    columns = ["Ground truth", "Noisy", "Separate", "Joint Training", "Joint Training (Cross-Task)"]
    side = canvas.shown(np.zeros((32, 40), dtype=np.uint8), labels.SIDE).shape[1]
    width = len(columns) * side + (len(columns) - 1) * canvas.GAP + 2 * canvas.MARGIN
    assert picture("figure6_labels.png").shape[1] == width
    assert picture("figure6_photographs.png").shape[1] == width + side + canvas.GAP  # with the clean image
    assert "noisy, denoised by the proposed network alone" in captions()["figure6_labels.png"]["caption"]


def test_made_real_noise_depends_on_the_signal_and_on_the_name_of_the_image():
    clean = np.full((120, 120, 3), 40, dtype=np.uint8)
    clean[:, 60:] = 200
    noisy = real.with_noise(clean, 0, "a")
    assert noisy.dtype == np.uint8
    assert (noisy == real.with_noise(clean, 0, "a")).all() and (noisy != real.with_noise(clean, 0, "b")).mean() > 0.9
    spreads = [float((noisy[clean == value].astype(float) - value).std()) for value in (40, 200)]
    assert spreads == pytest.approx([140**0.5, 300**0.5], rel=0.03)


def test_photographs_with_real_noise_are_shown_as_they_are_and_those_of_dnd_are_added(small):
    config = change_scale(real_data=True)
    one = {path.name: path for path in paths.data("demo", "rni15").glob("*.png")}["image0.png"]
    shown = canvas.shown(canvas.central(read_image(one), 24, 24), real.SIDE)  # 24: two thirds of the shorter side
    figure = real.figure7(config)
    top, left = canvas.MARGIN + canvas.LINE + canvas.GAP, canvas.MARGIN
    assert (figure.picture[top : top + shown.shape[0], left : left + shown.shape[1]] == shown).all()
    assert figure.extra == () and "of DND" not in figure.caption.partition("They")[0]
    path = paths.STORE / "dnd" / "0001.png"
    write_png(path, read_image(one))
    more = real.figure7(config)
    assert more.extra == (path,) and "RNI15 and of DND that are no training images. They" in more.caption
    assert more.picture.shape[0] > figure.picture.shape[0]
    empty(paths.data("demo", "cc15"), "no source")
    illustrate(config)
    extra = provenance.read(paths.provenance("demo", "illustrate"))["extra_inputs"]
    assert extra == {path.as_posix(): sha256_file(path)}
    empty(paths.data("demo", "rni15"), "no source")
    alone = real.figure7(config)
    assert not alone.unavailable and "first images of DND that are no training images. They" in alone.caption


def test_real_noise_with_a_ground_truth_is_measured_on_whole_crops(small):
    config, folder = change_scale(real_data=True), paths.data("demo", "cc15")
    clean, draw = np.full((36, 40, 3), 100, dtype=np.uint8), np.random.default_rng(0)
    rows = []
    for number, levels in enumerate((4, 8, 16)):
        noisy = clean + draw.integers(-levels, levels, clean.shape)
        for kind, image in (("real", noisy.astype(np.uint8)), ("mean", clean)):
            write_png(folder / f"{number}_{kind}.png", image)
            rows.append({"id": f"{number}_{kind}", "path": f"{number}_{kind}.png"})
    rows = [row | {"sha256": sha256_file(folder / row["path"])} for row in rows]
    write_index(folder, ("id", "path", "sha256"), rows)
    found = truth.figure7_truth(config)
    values = [psnr(*(read_image(folder / f"{number}_{kind}.png") for kind in ("real", "mean"))) for number in range(3)]
    assert f"On average over all 3 crops: Noisy {np.mean(values):.2f} dB, CBM3D " in found.caption
    shown = canvas.shown(canvas.central(clean, 24, 24), real.SIDE)
    assert (found.picture == shown[0, 0]).all(axis=2).sum() >= 2 * shown.shape[0] * shown.shape[1]
    write_index(folder, ("id", "path", "sha256"), rows[:-1])
    with pytest.raises(UserError, match="data/cc15: no images, or one, whose ids end in _real and _mean"):
        truth.figure7_truth(config)


def test_figures_on_photographs_say_that_they_are_not_the_printed_experiment(small):
    illustrate(small)
    marked = {name for name, entry in captions().items() if entry["caption"].startswith("Not the printed experiment")}
    assert marked == {"figure3_photographs.png", "figure6_photographs.png", "figure6_classes.png"}
    assert all("on other photographs" in captions()[name]["title"] for name in marked)


def test_the_likeliest_class_and_its_probability():
    class Fixed(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, np.log(3.0), -50.0]])

    image = np.zeros((4, 4, 3), dtype=np.uint8)
    assert classes.best(Fixed(), image, ["crane", "tench", "shark"]) == "tench, 75 %"
    assert classes.best(Fixed(), image, ["crane"]) == "class 1, 75 %"


@pytest.mark.parametrize(("size", "side", "wanted"), [((48, 40), 200, (192, 160)), ((500, 375), 256, (250, 188))])
def test_images_are_enlarged_or_reduced_by_whole_factors(size, side, wanted):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert canvas.shown(image, side).shape == (*wanted, 3)
    assert canvas.shown(image[..., 0], side).shape == (*wanted, 3)


def test_long_words_are_broken_into_lines_of_the_width():
    lines = canvas.words("short a/very/long/path/" + "x" * 200 + " end", 150)
    letters = ImageFont.load_default(canvas.FONT_SIZE).getlength("x" * 200)
    assert lines.shape[1] == 150
    assert lines.shape[0] / canvas.LINE >= letters / 150
    assert all((row < 128).any() for row in np.split(lines, lines.shape[0] // canvas.LINE))
    assert canvas.words("", 150).shape == (canvas.LINE, 150, 3)
