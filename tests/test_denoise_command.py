"""`redenoise denoise`: what it writes and says, and every refusal before anything is computed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from redenoise.commands import main as commands
from redenoise.commands.denoise import page
from redenoise.measure.metrics import psnr, ssim
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.files import read_json, sha256_file, write_json
from tests.conftest import ROOT

CAT = data.chelsea()[100:164, 100:180]


@pytest.fixture
def pictures(project: Path) -> Iterator[Path]:
    """A folder with pictures of several kinds, in a checkout with the weights of one network."""
    for suffix in ("safetensors", "json"):
        (project / "weights").mkdir(exist_ok=True)
        shutil.copy(ROOT / f"weights/proposed-sigma25.{suffix}", project / "weights")
    (project / "in/deep/er").mkdir(parents=True)
    Image.fromarray(CAT).save("in/cat.png")
    Image.fromarray(CAT).save("in/deep/er/cat.jpg", quality=95)
    Image.fromarray(data.camera()[:60, :80]).save("in/deep/man.tif")
    Path("in/notes.txt").write_text("not a picture")
    Path("in/.hidden.png").write_text("nor is this")
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield project / "in"
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def denoise(*arguments: object) -> None:
    commands.main(["denoise", *map(str, arguments)])


def files(folder: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def test_released_weights_denoise_a_picture_at_once(pictures: Path, capsys: pytest.CaptureFixture[str]):
    denoise("in/cat.png", "--out", "out", "--method", "proposed", "--add-noise", 25)
    said = capsys.readouterr().out
    before, after = map(float, re.search(r"PSNR ([\d.]+) to ([\d.]+) dB", said).groups())
    assert said.startswith("out/cat.png: proposed, sigma 25; PSNR") and after > before + 5
    result = np.asarray(Image.open("out/cat.png"))
    assert after == pytest.approx(psnr(result, CAT), abs=0.006)
    assert f"to {ssim(result, CAT):.4f}" in said


def test_a_folder_keeps_its_names_and_adds_an_average(pictures: Path, capsys: pytest.CaptureFixture[str]):
    denoise("in", "--out", "in/out", "--method", "noisy", "--add-noise", 10)
    denoise("in", "--out", "in/out", "--method", "noisy", "--add-noise", 10, "--overwrite")  # not the results again
    assert files("in/out") == {"cat.png", "deep/er/cat.jpg", "deep/man.tif"}
    lines = capsys.readouterr().out.splitlines()
    shown = [float(re.search(r"PSNR ([\d.]+) to", line)[1]) for line in lines[:3]]
    assert lines[3].startswith("average of 3 pictures: noisy; ") and lines[:4] == lines[4:]
    assert [("JPEG of quality 95" in line) for line in lines[:3]] == [False, True, False]
    assert float(re.search(r"PSNR ([\d.]+) to", lines[3])[1]) == pytest.approx(np.mean(shown), abs=0.01)


def test_a_clean_folder_measures_and_an_unknown_level_is_estimated(pictures: Path, capsys: pytest.CaptureFixture[str]):
    denoise("in/cat.png", "--out", "noisy", "--method", "noisy", "--add-noise", 20)
    capsys.readouterr()
    denoise("noisy", "--out", "out", "--method", "proposed", "--clean", "in")
    said, warned = capsys.readouterr()
    assert "far from" not in warned
    assert re.search(r"proposed, sigma 25 \(nearest to (19|20)[.\d]*, estimated as by Chen et al. 2015\)", said)
    before, after = map(float, re.search(r"PSNR ([\d.]+) to ([\d.]+) dB", said).groups())
    assert after > before + 3


def test_a_picture_that_is_cleaner_than_all_levels_of_a_method_is_warned_of(
    pictures: Path, capsys: pytest.CaptureFixture[str]
):
    denoise("in/cat.png", "--out", "out", "--method", "proposed")
    assert re.search(
        r"warning: cat.png: its noise of about [\d.]+ is far from 25, the nearest of proposed", capsys.readouterr().err
    )


def test_compared_methods_have_a_folder_each_and_a_page(pictures: Path):
    odd = pictures / "a <b> & 100%.png"
    Image.fromarray(np.tile(CAT, (20, 1, 1))).save(odd)
    denoise(odd, "--out", "out", "--compare", "noisy,bm3d,noisy", "--add-noise", 25)
    shown = re.findall(r'src="([^"]*)"', text := Path("out/compare.html").read_text("utf-8"))
    assert len(shown) == 3 and "a &lt;b&gt; &amp; 100%.png" in text and "<b>" not in text
    from urllib.parse import unquote

    sizes = {Image.open(Path("out", unquote(path))).size for path in shown}
    assert sizes == {(CAT.shape[1], page.LARGEST)}
    assert {"bm3d/a <b> & 100%.png", "noisy/a <b> & 100%.png"} < files("out")


def test_published_weights_are_fetched_when_they_are_needed(
    pictures: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("REDENOISE_MIRROR", str(mirror))
    denoise("in/cat.png", "in/deep", "--out", "out", "--method", "dncnn_b", "--add-noise", 25)
    assert files("data") == {"dncnn/model/GD_Gray_Blind.mat"}
    for before, after in re.findall(r"PSNR ([\d.]+) to ([\d.]+) dB", capsys.readouterr().out):
        assert float(after) > float(before) + 5


def test_the_list_names_levels_and_kinds(project: Path, capsys: pytest.CaptureFixture[str]):
    denoise("--list")
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()}
    assert lines["proposed"] == "sigma 25, 35, 50 colour"
    assert lines["dncnn_b"] == "sigma 0 to 55 gray; colour channel by channel"
    assert lines["bm3d"] == "any sigma above 0 filter"
    assert lines["mlp"].startswith("sigma 25 not here: put weights_cvpr.mat of its authors")
    assert "proposed_tasks" not in lines  # no weights


METHOD = ("--method", "proposed")
REFUSED = {
    "no picture": (("--out", "out", *METHOD), "no IN; give it"),
    "no folder": (("in/cat.png", *METHOD), "no --out; give it"),
    "no method": (("in", "--out", "out"), "no --method or --compare; give it"),
    "absent": (("in/dog.png", "--out", "out", *METHOD), "in/dog.png: No such file"),
    "empty": (("empty", "--out", "out", *METHOD), "empty: no pictures, expected files that end in .bmp"),
    "text": (("in/notes.txt", "--out", "out", *METHOD), "in/notes.txt: no picture"),
    "unknown": (("in", "--out", "out", "--method", "propsed"), "no method 'propsed'; .* did you mean 'proposed'"),
    "of another degradation": (("in", "--out", "out", "--method", "vdsr"), "'vdsr': restores what bicubic has done"),
    "unreleased": (("in", "--out", "out", "--method", "proposed_tasks"), "'proposed_tasks': no weights are published"),
    "level": (("in/cat.png", "--out", "out", *METHOD, "--sigma", 30), "no weights for sigma 30, but for sigma 25, 35"),
    "range": (("in", "--out", "out", "--method", "dncnn_b", "--sigma", 56), "56, but for sigma 0 to 55"),
    "below": (("in", "--out", "out", *METHOD, "--sigma", -1), "--sigma -1: expected 0 to 255"),
    "number": (("in", "--out", "out", *METHOD, "--add-noise", "nan"), "--add-noise nan: expected 0 to 255"),
    "gray": (("in", "--out", "out", *METHOD, "--sigma", 25), "in/deep/man.tif: gray, and proposed is for colour"),
    "same": (("in/cat.png", "copy", "--out", "out", *METHOD), "copy/cat.png: its result would bear the name of that"),
    "replace": (("in", "--out", "in", "--method", "noisy"), "in/cat.png: the result would replace a picture"),
    "there": (("in/cat.png", "--out", "copy", *METHOD), "copy/cat.png: there already; .* --overwrite"),
    "replace clean": (
        ("in/cat.png", "--out", "copy", *METHOD, "--clean", "copy", "--overwrite"),
        "copy/cat.png: the result would replace",
    ),
    "no clean": (("in", "--out", "out", *METHOD, "--clean", "nowhere"), "--clean nowhere: no such folder; correct"),
    "unclean": (("in", "--out", "out", "--method", "noisy", "--clean", "copy"), "copy/deep/er/cat.jpg: not found"),
    "other size": (
        ("in/cat.png", "--out", "out", *METHOD, "--clean", "small"),
        "small/cat.png: 20x20 colour, but in/cat.png is 80x64 colour",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_leave_nothing_behind(pictures: Path, name: str):
    for folder in ("empty", "copy", "small"):
        Path(folder).mkdir()
    shutil.copy("in/cat.png", "copy")
    Image.fromarray(CAT[:20, :20]).save("small/cat.png")
    before = files(".")
    arguments, words = REFUSED[name]
    with pytest.raises(UserError, match=words):
        denoise(*arguments)
    assert files(".") == before


def test_what_fails_later_names_the_picture_and_keeps_what_is_done(pictures: Path):
    Path("in/zero.png").write_bytes(Path("in/cat.png").read_bytes()[:900])
    with pytest.raises(UserError, match=r"^in/zero.png: damaged"):
        denoise("in/cat.png", "in/zero.png", "--out", "out", "--method", "noisy", "--sigma", 1)
    assert files("out") == {"cat.png"}
    Image.fromarray(CAT[:9, :9]).save("in/tiny.png")
    with pytest.raises(UserError, match=r"^in/tiny.png: 9x9 pixels are too few to estimate the noise"):
        denoise("in/tiny.png", "--out", "out", "--method", "noisy")


def test_pictures_that_are_refused_are_passed_over_where_that_is_asked_for(
    pictures: Path, capsys: pytest.CaptureFixture[str]
):
    Path("in/text.png").write_text("no picture")
    Path("in/zero.png").write_bytes(Path("in/cat.png").read_bytes()[:900])
    Image.fromarray(CAT[:9, :9]).save("in/tiny.png")
    asked = ("in", "--out", "out", "--method", "proposed")
    with pytest.raises(UserError, match="^in/deep/man.tif: gray, and .* is for colour; .*; --skip passes over it$"):
        denoise(*asked)
    denoise(*asked, "--skip")
    *lines, last = [line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped")]
    begins = ("deep/man.tif: gray", "text.png: no picture", "tiny.png: 9x9 pixels", "zero.png: damaged")
    assert all(line.startswith(f"skipped: in/{begin}") for line, begin in zip(lines, begins, strict=True))
    assert last == "skipped 4 of 6 pictures" and files("out") == {"cat.png", "deep/er/cat.jpg"}
    with pytest.raises(UserError, match="skipped 1 of 1 pictures, expected one"):
        denoise("in/deep/man.tif", "--out", "gray", "--method", "proposed", "--skip")
    assert not Path("gray").exists()


def test_averages_are_of_pictures_that_all_methods_take(pictures: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree("in", "clean")
    (pictures / "deep/er/cat.jpg").unlink()
    Image.fromarray(CAT[:20, :5]).save("in/thin.png")
    Image.fromarray(CAT[:20, :5]).save("clean/thin.png")
    denoise("in", "--out", "out", "--compare", "noisy,bm3d", "--clean", "clean", "--sigma", 5, "--skip")
    said = capsys.readouterr()
    assert "skipped: in/thin.png: BM3D: " in said.err and "skipped 1 of 3 pictures" in said.err
    assert said.out.count("average of 2 pictures: ") == 2 and "thin" not in Path("out/compare.html").read_text()


def test_weights_that_nobody_may_fetch_are_said(pictures: Path):
    with pytest.raises((Unavailable, UserError), match="put weights_cvpr.mat of its authors, which is not public here"):
        denoise("in/cat.png", "--out", "out", "--method", "mlp", "--sigma", 25)
    assert not Path("out").exists()


def test_weights_with_values_that_are_no_numbers_are_named(pictures: Path):
    path = Path("weights/proposed-sigma25.safetensors")
    network, spec = load_network(path)
    with torch.no_grad():
        network.last.bias[0] = float("nan")
    save_network(path, network, spec, "damaged")
    with pytest.raises(UserError, match="its card says"):
        denoise("in/cat.png", "--out", "out", *METHOD, "--sigma", 25)
    card = read_json(path.with_suffix(".json"))
    write_json(path.with_suffix(".json"), card | {"sha256": sha256_file(path)})
    with pytest.raises(UserError, match="proposed-sigma25.safetensors: tensor 'last.bias' has values that are"):
        denoise("in/cat.png", "--out", "out", *METHOD, "--sigma", 25)
    assert not Path("out").exists()


def test_what_one_picture_needs_is_all_that_is_imported():
    """The start is most of what a small picture takes."""
    program = "import sys, redenoise.commands.denoise.command; print({'scipy', 'h5py', 'skimage', 'jinja2', 'torchvision'} & {*sys.modules})"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
