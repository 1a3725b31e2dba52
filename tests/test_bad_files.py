"""Damaged data files of every kind, each read by the stage that has to refuse it: one line that names the file.

The projects have no records of provenance, which would tell the damage by its hash before the file is read; see
tests/test_intermediates.py for that.
"""

import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.support.errors import UserError
from stages.evaluate.node import run as evaluate
from stages.labelled import node as labelled
from stages.leakage.node import run as check
from stages.recognize_filtered.node import run as recognize_filtered
from stages.released.node import run as index_released
from stages.report import node as report
from stages.synthesize.node import run as synthesize
from stages.task.node import run as task
from stages.train.node import run as train
from tests.cascade_project import small_project
from tests.damage import (
    Damage,
    array,
    change,
    dangling,
    emptied,
    flipped,
    folder,
    gone,
    huge_array,
    huge_png,
    large_png,
    listed,
    spec,
    tensors,
    to,
    truncated,
)
from tests.report_project import make_project
from tests.test_released import put_release
from tests.training_project import make_images, options, small_demo

# ----- projects, made once


def make_denoising() -> None:
    config = small_demo()
    synthesize(config, "set12")
    train(config, "dncnn_s", options(model="sigma50"))
    shutil.copytree(paths.checkpoints("demo", "dncnn_s"), "kept")
    train(config, "dncnn_s", options())
    shutil.copytree("kept", paths.checkpoints("demo", "dncnn_s"), dirs_exist_ok=True)
    evaluate(config, "set12-dncnn_s")
    for key in config.image_sets():
        if not paths.data("demo", key).exists():
            make_images(key, (40, 36, 3)[: 2 + config.entry("download", key)["channels"] // 3])
    put_release("proposed-sigma25")
    index_released(config)


def make_tasks() -> None:
    config = small_project()
    for key in ("imagenet_train", "imagenet_val", "voc_train_aug"):
        labelled.run(config, key)
    task(config, "classification")
    recognize_filtered(config, "classification-clean")


def make_report() -> None:
    make_project(Path(), "demo")
    report.run(load_config("demo"))


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[], None]], Path]:
    """A folder with a finished project of a kind, made when it is first asked for."""
    made: dict[str, Path] = {}

    def template(make: Callable[[], None]) -> Path:
        if make.__name__ not in made:
            root = tmp_path_factory.mktemp(make.__name__)
            shutil.copy(Path(__file__).parents[1] / "params.yaml", root)
            shutil.copytree(Path(__file__).parents[1] / "workflow", root / "workflow")
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(root)
                make()
            made[make.__name__] = root
        return made[make.__name__]

    return template


READERS: dict[str, tuple[Callable[[], None], Callable[[Config], None]]] = {
    "synthesize": (make_denoising, lambda config: synthesize(config, "set12")),
    "leakage": (make_denoising, lambda config: check(config, "kodak-train400")),
    "train": (make_denoising, lambda config: train(config, "dncnn_s", options())),
    "evaluate": (make_denoising, lambda config: evaluate(config, "set12-dncnn_s")),
    "released": (make_denoising, index_released),
    "segment": (make_tasks, lambda config: task(config, "segmentation")),
    "classify": (make_tasks, lambda config: task(config, "classification")),
    "recognise": (make_tasks, lambda config: recognize_filtered(config, "classification-clean")),
    "report": (make_report, report.run),
}
B = "build/demo"
WEIGHTS, NOISY = f"{B}/weights/dncnn_s/sigma25.safetensors", f"{B}/noisy/set12"
RESULT, SET12 = f"{B}/results/set12-dncnn_s.csv", f"{B}/data/set12"
NOISE, CLEAN = f"{NOISY}/sigma25/image0.npy", f"{SET12}/image0.png"
TRAINING, CHECKPOINT = f"{B}/data/train400/image0.png", f"{B}/checkpoints/dncnn_s/sigma50.safetensors"
LABELLED, MODEL = f"{B}/labelled", f"{B}/tasks/classification/model.safetensors"
OUTCOMES = f"{B}/outcomes/classification-noisy.npz"
CARD = "weights/proposed-sigma25.json"
# (reader, file, damage, what the line says after the file's name)
CASES = [
    ("evaluate", f"{NOISY}/index.csv", emptied, "damaged, its header is None"),
    ("evaluate", f"{NOISY}/index.csv", folder, "Is a directory, expected a CSV file"),
    ("evaluate", f"{NOISY}/index.csv", dangling, "missing; run the stage"),
    ("evaluate", f"{NOISY}/index.csv", to(b"id,path\xff\n"), "damaged .*'utf-8' codec"),
    ("evaluate", f"{NOISY}/index.csv", change("sigma,", "level,"), "damaged, its header is .*'level'"),
    ("evaluate", f"{NOISY}/index.csv", change("\n", "\nmore,"), "damaged, a line has too many or too few fields"),
    (
        "evaluate",
        f"{NOISY}/index.csv",
        change("image0.npy", "../x.npy"),
        "line 2: path is 'sigma15/../x.npy', expected",
    ),
    (
        "evaluate",
        f"{NOISY}/index.csv",
        change("image0.png", "/etc/passwd"),
        "line 2: clean is '/etc/passwd', expected a",
    ),
    (
        "evaluate",
        f"{NOISY}/index.csv",
        change("image0.npy", "a\0.npy"),
        "line 2: path is 'sigma15/a.x00.npy', expected",
    ),
    ("evaluate", f"{NOISY}/index.csv", change("image0,", "../../image0,"), "line 2: id is '../../image0', expected a"),
    ("evaluate", f"{NOISY}/index.csv", change(",15,", ",nan,"), "damaged, sigma is 'nan'"),
    ("evaluate", f"{NOISY}/index.csv", change(",15,", ",fifteen,"), "damaged, sigma is 'fifteen'"),
    ("evaluate", f"{NOISY}/index.csv", change("id", '"' + "i" * 200_000), "damaged .*field larger than field limit"),
    ("evaluate", NOISE, truncated, "SHA-256 is .*damaged or changed: delete build/demo/noisy/set12"),
    ("evaluate", NOISE, flipped, "SHA-256 is .*index.csv says"),
    ("evaluate", NOISE, folder, "missing, but listed in"),
    ("evaluate", NOISE, dangling, "missing, but listed in"),
    ("evaluate", NOISE, listed(truncated), "not a NumPy array"),
    ("evaluate", NOISE, listed(emptied), "not a NumPy array"),
    ("evaluate", NOISE, listed(to(array(np.array([{}], dtype=object)))), "not a NumPy array .*allow_pickle=False"),
    ("evaluate", NOISE, listed(to(huge_array())), "not a NumPy array"),
    ("evaluate", NOISE, listed(to(array(np.zeros((4, 4))))), "not a NumPy array .expected float32"),
    ("evaluate", NOISE, listed(to(array(np.zeros(4, np.float32)))), "not a NumPy array .*two or three dimensions"),
    ("evaluate", NOISE, listed(to(b"PK\3\4" + b"x" * 99)), "not a NumPy array .File is not a zip file"),
    ("evaluate", CLEAN, flipped, "SHA-256 is .*damaged or changed"),
    ("evaluate", WEIGHTS, truncated, "not a weight file of this project"),
    ("evaluate", WEIGHTS, emptied, "not a weight file of this project"),
    ("evaluate", WEIGHTS, folder, "not a weight file of this project"),
    ("evaluate", WEIGHTS, to(b"\xff" * 8 + b"{}"), "not a weight file of this project"),
    ("evaluate", WEIGHTS, to(struct.pack("<Q", 9) + b"no header"), "not a weight file of this project"),
    ("evaluate", WEIGHTS, to(b"\x80\x04cos\nsystem\n"), "not a weight file of this project"),
    ("evaluate", WEIGHTS, tensors(format="pt"), "not a weight file of this project .'redenoise'"),
    ("evaluate", WEIGHTS, tensors(redenoise="not JSON"), "not a weight file of this project"),
    ("evaluate", WEIGHTS, tensors(redenoise="[]"), "not a weight file of this project"),
    ("evaluate", WEIGHTS, tensors(redenoise='{"network": {}}'), "not a weight file of this project .'name'"),
    ("evaluate", WEIGHTS, spec(name="nothing"), "network 'nothing' is not known"),
    ("evaluate", WEIGHTS, spec(size=5), "network 'dncnn': .*unexpected keyword argument 'size'"),
    ("evaluate", WEIGHTS, spec(width=-4), "Trying to create tensor with negative dimension|negative"),
    ("evaluate", WEIGHTS, spec(depth=4), "weights do not fit the network"),
    ("evaluate", f"{B}/weights/dncnn_s/missing.json", to("{"), "not valid JSON"),
    ("evaluate", f"{B}/weights/dncnn_s/missing.json", to("[" * 100_000), "not valid JSON"),
    ("evaluate", f"{B}/weights/dncnn_s/missing.json", to("[]"), "damaged, holds a list, expected a dict"),
    ("evaluate", f"{B}/weights/dncnn_s/unavailable.txt", to(b"\xff"), "damaged, expected a line of text"),
    ("synthesize", f"{SET12}/index.csv", change("sha256", "md5"), "damaged, its header is .*'md5'"),
    ("synthesize", f"{SET12}/index.csv", change("image0.png", "/etc/hostname"), "line 2: path is '/etc/hostname'"),
    ("synthesize", CLEAN, truncated, "SHA-256 is .*index.csv says"),
    ("synthesize", CLEAN, listed(truncated), "not a readable image"),
    ("synthesize", CLEAN, listed(to("no image")), "not a readable image .cannot identify"),
    ("synthesize", CLEAN, listed(to(huge_png())), "not a readable image .*decompression bomb"),
    ("synthesize", CLEAN, listed(to(large_png())), "10000x10000 pixels, expected at most 64000000"),
    ("leakage", f"{B}/data/kodak/index.csv", truncated, "damaged, "),
    (
        "train",
        f"{B}/leakage/set12-train400.txt",
        gone,
        "this input is missing; run `python -m stages.leakage --scale demo --only set12-train400` first",
    ),
    ("train", TRAINING, listed(truncated), "not a readable image"),
    ("train", CHECKPOINT, truncated, "damaged, expected a checkpoint of this project"),
    ("train", CHECKPOINT, flipped, "damaged, .*SHA-256 of its tensors is .*, recorded"),
    ("train", CHECKPOINT, folder, "damaged, expected a checkpoint of this project"),
    ("train", CHECKPOINT, tensors(redenoise="5"), "damaged, expected a checkpoint of this project"),
    ("released", CARD, to("{"), "not valid JSON"),
    ("released", CARD, to("[]"), "damaged, holds a list, expected a dict"),
    ("released", CARD, folder, "Is a directory, expected a JSON file"),
    ("released", "weights/proposed-sigma25.safetensors", flipped, "SHA-256 is .*its card says"),
    ("classify", f"{LABELLED}/imagenet_train/index.csv", change("label,", "class,"), "damaged, its header is"),
    (
        "classify",
        f"{LABELLED}/imagenet_train/index.csv",
        change(",train,", "x,train,"),
        "00000 has label '[0-9]x', expected",
    ),
    ("classify", f"{LABELLED}/imagenet_train/classes.json", to("{}"), "damaged, holds a dict, expected a list"),
    ("classify", f"{LABELLED}/imagenet_train/images/00004.png", flipped, "SHA-256 is .*index.csv says"),
    ("segment", f"{LABELLED}/voc_train_aug/masks/00004.png", truncated, "not a readable mask"),
    (
        "segment",
        f"{LABELLED}/voc_train_aug/masks/00004.png",
        to(huge_png()),
        "not a readable mask .*decompression bomb",
    ),
    ("segment", MODEL, truncated, "not a weight file of this project"),
    ("recognise", MODEL, tensors(redenoise='{"network": {"name": "no"}}'), "task network 'no' is not known"),
    ("recognise", f"{LABELLED}/imagenet_val/classes.json", dangling, "missing; run the stage"),
    ("report", RESULT, change(",dB,", ",dB,about "), "line 2: value is 'about [0-9.]+'; expected a finite number"),
    ("report", RESULT, change(",dB,", ",dB,nan"), "line 2: value is 'nan[0-9.]+'; expected a finite number"),
    ("report", RESULT, change(",unit", ""), "header is .*; expected dataset,item"),
    ("report", RESULT, truncated, "line [0-9]+: "),
    ("report", RESULT, change("stand-in0", "stand\0in"), "line 2: a field with characters that are no text"),
    ("report", RESULT, to(b"\xff\xfe"), "not a CSV file"),
    ("report", f"{B}/results/architecture.csv", change("count,", "count,0."), "params of .* expected a whole number"),
    ("report", OUTCOMES, truncated, "damaged "),
    ("report", OUTCOMES, to("no archive"), "damaged .File is not a zip file"),
    ("report", f"{B}/provenance/train-dncnn_s.json", truncated, "damaged, expected a provenance record"),
    ("report", f"{B}/provenance/train-dncnn_s.json", to("[]"), "damaged, expected a provenance record"),
    ("report", f"{B}/provenance/train-dncnn_s.json", folder, "damaged, expected a provenance record"),
    ("report", f"{B}/figures/captions.json", to("null"), ".* is None; expected a title"),
    ("report", f"{B}/figures/figure4_zoom.png", emptied, "not a PNG file"),
    (
        "report",
        "published/zhang2017_dncnn.csv",
        change(",dB,", ",dB,x"),
        "line [0-9]+: value is 'x[0-9.]+'; expected a number",
    ),
    ("report", "published/zhang2017_dncnn.csv", truncated, "line [0-9]+: "),
    ("report", "published/zhang2017_dncnn.csv", dangling, "missing; restore it"),
    ("report", "published/misprints.csv", to("?"), "header is .; expected paper,table"),
]


def outputs(root: Path) -> dict[str, bytes]:
    """What readers write."""
    found = (path for top in ("build/demo", "reports") for path in (root / top).rglob("*"))
    kept = (path for path in found if path.is_file() and ".locks" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in kept}


@pytest.mark.parametrize(("reader", "file", "damage", "expected"), CASES)
def test_damage_is_one_line_that_names_the_file(
    templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, file: str, damage: Damage, expected: str
):
    make, read = READERS[reader]
    root = tmp_path / "project"
    shutil.copytree(templates(make), root)
    monkeypatch.chdir(root)
    if make != make_report:
        shutil.rmtree("build/demo/provenance")
    if not Path(file).exists():
        Path(file).touch()
    damage(Path(file))
    before = outputs(root)
    torch.manual_seed(0)
    with pytest.raises(UserError) as caught:
        read(load_config("demo"))
    line = str(caught.value)
    assert re.match(rf"{re.escape(file)}: ({expected})", line), line
    assert len(line.splitlines()) == 1
    assert outputs(root) == before


def test_there_are_fifty_cases():
    assert len(CASES) >= 50
