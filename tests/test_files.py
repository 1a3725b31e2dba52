"""Atomic writes, image reading, indexed folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.dag import indexed
from redenoise.data import images
from redenoise.support import files
from redenoise.support.errors import UserError, run_cli


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_open(path, "w") as stream:
        stream.write("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_folder_hash_sees_names_and_contents_but_not_hidden_marks(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    first = files.sha256_path(tmp_path)
    (tmp_path / ".snakemake_timestamp").touch()
    assert files.sha256_path(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert files.sha256_path(tmp_path) != first


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_file_that_is_no_image_is_refused_by_name(tmp_path: Path, content: bytes):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match="a.png: not a readable image"):
        images.read_image(tmp_path / "a.png", gray=False)


def test_truncated_image_is_refused(tmp_path: Path):
    path = tmp_path / "a.png"
    images.write_png(path, np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable image"):
        images.read_image(path, gray=True)


def test_huge_image_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    Image.new("L", (11, 10)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="11x10 pixels, expected at most 100"):
        images.read_image(tmp_path / "a.png", gray=True)


def test_index_round_trip_and_damage(tmp_path: Path):
    (tmp_path / "x.png").write_bytes(b"x")
    row = {"id": "x", "path": "x.png", "sha256": files.sha256_file(tmp_path / "x.png")}
    indexed.write_index(tmp_path, ("id", "path", "sha256"), [row])
    assert indexed.read_index(tmp_path) == [row]
    assert indexed.checked_path(tmp_path, row) == tmp_path / "x.png"
    (tmp_path / "x.png").write_bytes(b"y")
    with pytest.raises(UserError, match="x.png: SHA-256 is .* was damaged or changed"):
        indexed.checked_path(tmp_path, row)
    (tmp_path / "x.png").unlink()
    with pytest.raises(UserError, match="x.png: missing"):
        indexed.checked_path(tmp_path, row)
    (tmp_path / "index.csv").write_text("id,path,sha256\nx,x.png\n")
    with pytest.raises(UserError, match="index.csv: damaged"):
        indexed.read_index(tmp_path)


def test_user_error_ends_a_command_with_one_line(capsys: pytest.CaptureFixture):
    def fail() -> None:
        raise UserError("a.csv: wrong\nin two lines")

    with pytest.raises(SystemExit) as end:
        run_cli(fail)
    assert end.value.code == 1
    assert capsys.readouterr().err == "error: a.csv: wrong in two lines\n"


def test_full_disk_ends_a_command_with_one_line(capsys: pytest.CaptureFixture):
    def fail() -> None:
        raise OSError(28, "No space left on device", "build/x.npy")

    with pytest.raises(SystemExit) as end:
        run_cli(fail)
    assert end.value.code == 1
    assert "error: build/x.npy: no room on disk; " in capsys.readouterr().err
