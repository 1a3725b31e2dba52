"""`redenoise manifest`: a folder of somebody's images becomes a test set, and nothing that is committed is lost."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from redenoise.commands.manifest import command as manifest
from redenoise.commands.manifest.pictures import is_gray
from redenoise.dag.config import load_config
from redenoise.dag.indexed import read_index
from redenoise.sources import stores
from redenoise.sources.provide import source_of
from redenoise.support.errors import Unavailable, UserError
from stages.download import node

STORES, LIST, SUBSET = (Path(f"workflow/manifests/{name}") for name in ("stores.yaml", "mine.csv", "subsets/mine.csv"))


def save(path: Path, mode: str = "RGB", size: tuple[int, int] = (30, 20), value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode in ("L", "I;16", "I") else (value,) * len(mode)).save(path)
    return path


@pytest.fixture
def folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images of somebody's, one of them in a folder of its own, and files that are none."""
    monkeypatch.delenv("REDENOISE_MIRROR", raising=False)
    made = project.parent / f"{project.name}-pictures"
    for value, name in enumerate(("b.png", "my cat.jpg", "more/a.PNG")):
        save(made / name, value=value)
    (made / "notes.txt").write_text("not an image")
    save(made / ".hidden.png")
    return made


def add(folder: Path, *options: str) -> None:
    manifest.main(["mine", str(folder), *options])


def paste(printed: str) -> None:
    """Do what the command says: put its lines into the sections of params.yaml."""
    text = Path("params.yaml").read_text()
    for section, entries in yaml.safe_load(
        printed[printed.index("downloads:") : printed.index("All lines of")]
    ).items():
        added = "".join(f"  {key}: {entry!r}\n" for key, entry in entries.items())
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{added}", 1)
    Path("params.yaml").write_text(text)


def test_a_folder_becomes_a_test_set_by_what_the_command_writes_and_prints(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    before = STORES.read_text()
    add(folder, "--title", "Mine: all of them")
    assert STORES.read_text().startswith(before.rstrip())  # with its comments
    paste(capsys.readouterr().out)
    config = load_config("bench")
    assert config.entry("download", "mine")["title"] == "Mine: all of them"
    assert config.entry("evaluate", "mine-ffdnet_color")["method"] == "FFDNet"
    assert config.entry("filter", "mine-bm3d")["method"] == "CBM3D"
    node.run(config, "mine")
    rows = read_index(Path("build/bench/data/mine"))
    assert [(row["id"], row["path"]) for row in rows] == [("b", "b.png"), ("a", "a.PNG"), ("my-cat", "my cat.jpg")]
    assert all((row["height"], row["width"], row["split"]) == ("20", "30", "test") for row in rows)


def test_images_are_found_in_the_mirror_in_data_or_in_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch):
    add(folder)
    store, (item, *_) = stores.load_store("mine"), stores.load_items("mine", stores.load_store("mine"))
    assert source_of(store, [item.file]) == f"the folder ../{folder.name}, or the mirror"
    mirror = folder.parent / f"{folder.name}-mirror"
    mirror.mkdir()
    folder.rename(mirror / "mine")
    line = f"../{folder.name}/b.png: not found; put the folder's files into data/mine/, or correct `folder` in {STORES}"
    with pytest.raises(Unavailable) as raised:
        node.provide(store, [item.file])
    assert str(raised.value) == line
    assert source_of(store, [item.file]).startswith("nowhere (mine/b.png is not in ")
    monkeypatch.setenv("REDENOISE_MIRROR", str(mirror))
    assert node.provide(store, [item.file]) == 1
    (mirror / "mine/b.png").unlink()
    assert node.provide(store, [item.file]) == 0  # it lies in data/


def test_an_image_that_has_changed_since_is_refused(folder: Path):
    add(folder)
    save(folder / "b.png", value=200)
    with pytest.raises(UserError, match=r"b.png: .*expected .*replace the file there by the original"):
        node.provide(stores.load_store("mine"), [stores.load_items("mine", stores.load_store("mine"))[0].file])


def test_a_folder_in_the_project_is_named_from_there(folder: Path):
    folder.rename("data-of-mine")
    add(Path("data-of-mine"))
    assert stores.load_store("mine").folder == "data-of-mine"


def test_a_folder_of_one_machine_alone_is_refused(folder: Path):
    add(folder)
    STORES.write_text(STORES.read_text().replace(f"../{folder.name}", str(folder)))
    with pytest.raises(UserError, match=f"{STORES}: mine.folder is '{folder}', .* from the root of the project"):
        stores.load_store("mine")


def test_a_committed_list_is_replaced_only_if_that_is_said(folder: Path):
    add(folder)
    before = {path: path.read_text() for path in (STORES, LIST, SUBSET)}
    moved = folder.rename(folder.with_name(f"{folder.name}-moved"))
    (moved / "b.png").unlink()
    with pytest.raises(UserError, match="mine.csv: the list of 'mine' is there already; .* with --relist"):
        add(moved)
    assert {path: path.read_text() for path in before} == before
    add(moved, "--relist")
    assert len(LIST.read_text().splitlines()) == len(SUBSET.read_text().splitlines()) == 3
    assert STORES.read_text() == before[STORES].replace(f"folder: ../{folder.name}\n", f"folder: ../{moved.name}\n")
    with pytest.raises(UserError, match="kodak.csv: the list of 'kodak' is there already"):
        manifest.main(["kodak", str(moved)])
    manifest.main(["kodak", str(moved), "--relist"])  # a store that has an origin: all its files, whatever they are
    assert [line.split(",")[0] for line in Path("workflow/manifests/kodak.csv").read_text().splitlines()] == [
        *("path", "kodak/more/a.PNG", "kodak/my cat.jpg", "kodak/notes.txt")
    ]


def test_what_is_skipped_and_gray_among_colour_is_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "d.webp").write_bytes(b"not read")
    save(folder / "gray.png", "L")
    add(folder)
    said = capsys.readouterr()
    assert f"skipped 2 of 6 files (first {folder}/d.webp): what is no PNG, JPEG, BMP or TIFF\n" in said.err
    assert f"1 of 4 images are gray (first {folder}/gray.png) among colour ones: the set has `channels: 3`" in said.err
    assert "channels: 3" in said.out


def test_a_set_that_params_has_is_listed_again_under_its_title(folder: Path, capsys: pytest.CaptureFixture[str]):
    add(folder, "--title", "All of mine")
    paste(capsys.readouterr().out)
    add(folder, "--relist")
    said = capsys.readouterr().out
    assert said == f"{LIST}: 3 images\nparams.yaml has all entries of it already\n"
    Path("params.yaml").write_text(re.sub(r"(?m)^  mine: .*'title'.*\n", "", Path("params.yaml").read_text()))
    add(folder, "--relist")
    said = capsys.readouterr().out
    assert "  mine: {title: All of mine, " in said and "  mine-" not in said and "as of mine" not in said


def test_a_set_is_taken_out_again_to_the_byte(folder: Path, capsys: pytest.CaptureFixture[str]):
    before = {path: path.read_text() for path in (STORES, Path("params.yaml"))}
    add(folder)
    paste(capsys.readouterr().out)
    STORES.write_text(STORES.read_text() + "\n# of mine, too\nother:\n  title: Other\n")
    manifest.main(["--remove", "mine"])
    said = capsys.readouterr().out
    assert "downloads.mine" in said and "evaluations.mine-ffdnet_color" in said and f"removed {LIST}, {SUBSET}" in said
    assert not LIST.exists() and not SUBSET.exists() and (folder / "b.png").exists()
    assert Path("params.yaml").read_text() == before[Path("params.yaml")]
    assert STORES.read_text() == before[STORES] + "\n# of mine, too\nother:\n  title: Other\n"
    with pytest.raises(UserError, match="--remove 'mine': no test set, expected one that was made of a folder; none"):
        manifest.main(["--remove", "mine"])


def test_what_is_still_used_or_not_of_a_folder_stays(folder: Path, capsys: pytest.CaptureFixture[str]):
    add(folder)
    paste(capsys.readouterr().out)
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("  photographs: kodak\n", "  photographs: mine\n"))
    with pytest.raises(UserError, match="--remove 'mine': params.yaml: figures.photographs use it; take these entries"):
        manifest.main(["--remove", "mine"])
    with pytest.raises(UserError, match="--remove 'kodak': a store of the project itself, expected .* allowed: mine"):
        manifest.main(["--remove", "kodak"])
    with pytest.raises(UserError, match="--remove stands alone"):
        manifest.main(["mine", str(folder), "--remove", "mine"])
    params.write_text(params.read_text().replace("  photographs: mine\n", "  photographs: kodak\n"))
    params.write_text(re.sub(r"(?m)^  mine: (.*'title'.*)\n", r"  ? mine\n  : \1\n", params.read_text()))
    before = {path: path.read_text() for path in (STORES, LIST, SUBSET, params)}
    with pytest.raises(UserError, match="params.yaml: expected each entry on lines of its own; .*: downloads.mine, "):
        manifest.main(["--remove", "mine"])
    assert {path: path.read_text() for path in before} == before


def test_refused_images_are_passed_over_where_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "bad.png").write_text("no")
    save(folder / "more/b.bmp")
    with pytest.raises(UserError, match="bad.png: not a readable image .*; --skip passes over it"):
        add(folder)
    capsys.readouterr()
    add(folder, "--skip")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped")]
    begins = (f"skipped: {folder}/bad.png: not a", f"skipped: {folder}/more/b.bmp: id b is that of {folder}/b.png too")
    assert all(map(str.startswith, lines[1:-1], begins)) and len(lines) == 4
    assert lines[-1] == "skipped 2 of 5 images"
    assert len(LIST.read_text().splitlines()) == len(SUBSET.read_text().splitlines()) == 4


def test_gray_images_make_a_gray_set(folder: Path, capsys: pytest.CaptureFixture[str]):
    save(folder.with_name(f"{folder.name}-gray") / "x.png", "L")
    add(folder.with_name(f"{folder.name}-gray"))
    printed = capsys.readouterr().out
    assert "channels: 1" in printed and "family: dncnn_s" in printed and "ffdnet_color" not in printed


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Mine", "expected a name of lower-case letters"),
        ("../mine", "expected a name of lower-case letters"),
        ("123", "expected a name of lower-case letters"),
        ("null", "expected a name of lower-case letters"),
        ("set12", "an entry of downloads with files of store dncnn; choose another name"),
        ("released", "the name of something else; choose another name"),
    ],
)
def test_names_that_are_wrong_or_taken(folder: Path, name: str, found: str):
    before = STORES.read_text()
    with pytest.raises(UserError, match=found):
        manifest.main([name, str(folder), "--relist"])
    assert STORES.read_text() == before and not Path(f"workflow/manifests/{name}.csv").exists()


def damaged(folder: Path) -> None:
    data = save(folder / "bad.png", size=(300, 200)).read_bytes()
    (folder / "bad.png").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (damaged, r"bad.png: not a readable image \(.*\); replace or remove it"),
        (lambda folder: (folder / "bad.png").write_text("no"), r"bad.png: not a readable image"),
        (lambda folder: save(folder / "bad.png", size=(15, 40)), "bad.png: 15x40 pixels, expected 16 on each side"),
        (
            lambda folder: Image.new("F", (30, 20)).save(folder / "bad.tif"),
            "bad.tif: of the kind F, expected gray or RGB",
        ),
        (lambda folder: save(folder / "bad.png", "RGBA"), "bad.png: transparent, expected gray or RGB"),
        (lambda folder: save(folder / "more/b.png"), "more/b.png: .* b.* is that of .*b.png too; rename one of them"),
        (lambda folder: save(folder / "b.bmp"), "b.png: id b is that of .*b.bmp too; rename one of them"),
        (lambda folder: save(folder / "ü.png"), "ü.png: no letter or digit of ASCII in its name; rename it"),
        (lambda folder: save(folder / "a\\b.png"), "expected a name of printable characters"),
        (lambda folder: save(folder / "a\nb.png"), "expected a name of printable characters"),
        (lambda folder: [path.unlink() for path in folder.rglob("*.*") if path.is_file()], "no images, expected files"),
    ],
)
def test_images_that_will_not_do_are_one_line_and_leave_nothing(folder: Path, spoil, found: str):
    before = STORES.read_text()
    spoil(folder)
    with pytest.raises(UserError, match=found) as raised:
        add(folder)
    assert "\n" not in str(raised.value)
    assert STORES.read_text() == before and not LIST.exists() and not SUBSET.exists()


def test_a_path_that_is_no_folder(project: Path):
    with pytest.raises(UserError, match="nowhere: not a folder, expected one with images; correct the path"):
        add(Path("nowhere"))


def test_pixels_survive_the_kinds_that_are_taken(folder: Path):
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    opaque = Image.fromarray(np.dstack([image, np.full((20, 30), 255, np.uint8)]))
    opaque.save(folder / "opaque.png")
    Image.fromarray(image).quantize(16).save(folder / "palette.png")
    assert [is_gray(folder / name) for name in ("opaque.png", "palette.png")] == [False, False]
    assert is_gray(save(folder / "gray.png", "L"))
