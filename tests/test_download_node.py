"""Nodes of the stage `download`: mirror, index, locks, and the sources."""

import csv
import errno
import multiprocessing
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from redenoise.commands.sources import table as listed
from redenoise.sources import disk, fetch
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.locks import exclusive
from stages.download import node
from tests.download_project import (
    BENCH,
    NOWHERE,
    make_config,
    make_root,
    picture,
    visible,
    write_manifests,
    write_mirror,
)
from tests.mounts import read_only

FILES = {f"a/{n}.png": picture(n) for n in range(3)} | {"model/net=1.mat": b"MATLAB 7.3"}
DEMO = {"real_data": False, "published_weights": False, "images": {"test": 6, "train": 16, "size": 48}}


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """A project as working directory, whose store `shop` is in a mirror and whose origin cannot be reached."""
    make_root(tmp_path, monkeypatch)
    write_manifests(tmp_path, FILES, NOWHERE)
    monkeypatch.setenv("REDENOISE_MIRROR", str(write_mirror(tmp_path / "mirror", FILES)))
    monkeypatch.setattr(fetch, "BACKOFF_SECONDS", 0.001)


def index(key: str, scale: str = "bench") -> list[dict]:
    with open(f"build/{scale}/data/{key}/index.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_node_has_files_index_and_provenance():
    node.run(make_config(), "set")
    rows = index("set")
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    assert {(row["height"], row["width"], row["split"], row["label"]) for row in rows} == {("20", "30", "test", "")}
    for row in rows:
        path = Path("build/bench/data/set", row["path"])
        assert path.read_bytes() == FILES[f"a/{row['path']}"]
        assert path.samefile(f"data/shop/a/{row['path']}")
    assert Path("build/bench/provenance/download-set.json").is_file()


def test_read_only_data_of_which_all_are_verified_stop_nothing(capsys):
    node.run(make_config(), "set")
    shutil.rmtree("build")
    with read_only(Path("data").resolve(), Path("data").resolve()):
        node.run(make_config(), "set")
    assert [row["id"] for row in index("set")] == ["0", "1", "2"]
    assert "shop.lock: Read-only file system; going on without a lock" in capsys.readouterr().err


def test_weights_have_no_size():
    node.run(make_config(), "net")
    assert [(row["id"], row["path"], row["height"]) for row in index("net")] == [("net=1", "net=1.mat", "")]


def test_weights_that_a_scale_does_not_want_give_an_empty_index():
    node.run(make_config(BENCH | {"published_weights": False}), "net")
    assert index("net") == []
    assert not Path("data").exists()


def test_a_second_run_gives_the_same_folder_without_any_source(monkeypatch):
    node.run(make_config(), "set")
    before = {name: Path("build/bench/data/set", name).read_bytes() for name in visible("build/bench/data/set")}
    Path("build/bench/data/set/old.png").write_bytes(b"left over")
    monkeypatch.delenv("REDENOISE_MIRROR")
    node.run(make_config(), "set")
    after = {name: Path("build/bench/data/set", name).read_bytes() for name in visible("build/bench/data/set")}
    assert before == after


def test_files_are_copied_where_links_are_not_possible(monkeypatch):
    def no_links(*args: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    node.run(make_config(), "set")
    assert not Path("build/bench/data/set/0.png").samefile("data/shop/a/0.png")


def test_a_damaged_file_is_fetched_again(capsys):
    node.run(make_config(), "set")
    Path("data/shop/a/1.png").write_bytes(b"damaged")
    node.run(make_config(), "set")
    assert Path("build/bench/data/set/1.png").read_bytes() == FILES["a/1.png"]
    assert "data/shop/a/1.png: truncated, 7 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (picture(99), "mirror/shop/a/1.png: wrong hash, SHA-256"),
        (FILES["a/1.png"][:100], "mirror/shop/a/1.png: truncated, 100 bytes of"),
        (FILES["a/1.png"] * 9, "mirror/shop/a/1.png: too long"),
        (b"<html>", "not an image"),
    ],
    ids=["wrong hash", "truncated", "too long", "not an image"],
)
def test_a_mirror_file_that_differs_is_refused(tmp_path, body, found):
    (tmp_path / "mirror/shop/a/1.png").write_bytes(body)
    with pytest.raises(UserError, match=found):
        node.run(make_config(), "set")
    assert "1.png" not in visible("data")
    assert visible("build") == []


def test_a_failed_node_keeps_its_former_folder(tmp_path):
    node.run(make_config(), "set")
    Path("data/shop/a/1.png").unlink()
    shutil.rmtree(tmp_path / "mirror/shop")
    with pytest.raises(UserError):
        node.run(make_config(), "set")
    assert len(index("set")) == 3


def test_a_listed_file_that_is_no_image(tmp_path):
    files = {"a/0.png": b"plain text"}
    write_manifests(tmp_path, files, NOWHERE)
    write_mirror(tmp_path / "mirror", files)
    with pytest.raises(UserError, match=r"data/shop/a/0\.png: not an image"):
        node.run(make_config(), "set")


def test_a_mirror_that_is_no_folder(monkeypatch):
    monkeypatch.setenv("REDENOISE_MIRROR", "/no/such/folder")
    with pytest.raises(UserError, match="REDENOISE_MIRROR is '/no/such/folder', which is no folder"):
        node.run(make_config(), "set")


def test_too_little_room(monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="no room on disk: 0 MB free, 17 MB needed"):
        node.run(make_config(), "set")
    assert visible("data") == []


def test_disk_full_during_a_copy(monkeypatch):
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("redenoise.support.files.os.fsync", full)
    with pytest.raises(UserError, match="no room on disk"):
        node.run(make_config(), "set")
    assert visible("data") == []
    assert list(Path("data").rglob("*.part")) == []


def _hold(lock: str, held: object) -> None:
    with exclusive(Path(lock), "holder"):
        held.set()
        time.sleep(0.4)


def test_a_second_process_waits_and_says_so(capsys):
    context = multiprocessing.get_context("fork")
    held = context.Event()
    process = context.Process(target=_hold, args=("data/.locks/shop.lock", held))
    process.start()
    assert held.wait(5)
    start = time.monotonic()
    node.run(make_config(), "set")
    assert time.monotonic() - start > 0.2
    process.join()
    assert "store shop: another process is at work on it; waiting" in capsys.readouterr().err


def test_the_demo_makes_its_images(monkeypatch):
    monkeypatch.setenv("REDENOISE_MIRROR", "/no/such/folder")  # must not matter
    node.run(make_config(DEMO), "set")
    rows = index("set")
    assert len(rows) == 6
    assert {(row["height"], row["width"], row["split"]) for row in rows} == {("48", "48", "test")}
    assert all(disk.sha256_file(f"build/bench/data/set/{row['path']}") == row["sha256"] for row in rows)
    assert not Path("data").exists()


HAS_ALL = ["the", "mirror,", "which", "has", "all", "of", "them"]


def lines(settings: dict) -> dict[str, list[str]]:
    table = listed(make_config(settings), ["set", "net"])
    return {line.split()[0]: line.split() for line in table.splitlines()[4:]}


def sources(settings: dict) -> dict[str, str]:
    """The last column of the list, by key."""
    table = listed(make_config(settings), ["set", "net"])
    return {line.split()[0]: re.split(" {2,}", line)[-1] for line in table.splitlines()[4:]}


def test_the_list_tells_what_is_there():
    assert lines(BENCH)["set"][4:] == ["MB", "0", "3", "0", *HAS_ALL]
    node.run(make_config(), "set")
    assert lines(BENCH)["set"][4:] == ["MB", "3", "0", "0", "in", "place"]
    Path("data/shop/a/0.png").write_bytes(b"damaged")
    Path("data/shop/a/1.png").unlink()
    assert lines(BENCH)["set"][4:] == ["MB", "1", "1", "1", *HAS_ALL]
    Path("mirror/shop/a/1.png").unlink()
    mirror = os.environ["REDENOISE_MIRROR"]
    assert sources(BENCH)["set"] == f"mirror, origin (shop/a/1.png not in mirror {mirror})"
    shutil.rmtree("mirror/shop/a")
    assert sources(BENCH)["set"] == f"origin (2 files not in mirror {mirror})"


def test_the_list_names_an_archive_that_the_mirror_lacks(tmp_path, monkeypatch):
    write_manifests(tmp_path, FILES, f"{NOWHERE}/all.tgz", archive=True)
    assert sources(BENCH)["set"] == f"origin (shop/all.tgz not in mirror {tmp_path / 'mirror'})"
    monkeypatch.delenv("REDENOISE_MIRROR")
    assert sources(BENCH)["set"] == "origin"


@pytest.mark.parametrize("archive", [False, True])
def test_no_network_names_the_file_that_the_mirror_lacks(tmp_path, archive):
    shutil.rmtree(tmp_path / "mirror/shop")
    write_manifests(tmp_path, FILES, f"{NOWHERE}/all.tgz" if archive else NOWHERE, archive=archive)
    lacking = r"shop/all\.tgz" if archive else r"shop/a/\d\.png"
    with pytest.raises(Unavailable, match=rf"^{lacking} is not in mirror {tmp_path}/mirror, and http://.*refused"):
        node.run(make_config(), "set")


def test_the_list_at_the_demo_scale():
    assert lines(DEMO)["set"][2:] == ["6", "-", "0", "6", "0", "embedded"]
    assert lines(DEMO)["net"][-5:] == ["not", "used", "at", "this", "scale"]
    node.run(make_config(DEMO), "set")
    assert lines(DEMO)["set"][-4:] == ["6", "0", "0", "embedded"]
