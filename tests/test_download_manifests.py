"""Manifests and archives: only what is listed gets in, and a slip is named by its line."""

import random
import tarfile
from pathlib import Path

import pytest

from redenoise.commands.manifest import command as manifest
from redenoise.sources import archive, stores
from redenoise.support.errors import UserError
from stages.download import node
from tests.download_project import (
    NOWHERE,
    make_config,
    make_root,
    picture,
    tar_gz,
    visible,
    write_manifests,
    write_mirror,
)

FILES = {f"a/{n}.png": picture(n) for n in range(3)} | {"model/net=1.mat": b"MATLAB 7.3"}


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """A project as working directory, whose store `shop` is in a mirror and whose origin cannot be reached."""
    make_root(tmp_path, monkeypatch)
    write_manifests(tmp_path, FILES, NOWHERE)
    monkeypatch.setenv("REDENOISE_MIRROR", str(write_mirror(tmp_path / "mirror", FILES)))


def archived(tmp_path: Path, members: dict) -> None:
    """Turn the store into one whose mirror has an archive of `members`."""
    write_manifests(tmp_path, FILES, f"{NOWHERE}/all.tgz", archive=True)
    (tmp_path / "mirror/shop/all.tgz").write_bytes(tar_gz(members))


def test_an_archive_gives_the_listed_files_and_nothing_else(tmp_path):
    archived(tmp_path, FILES | {"a/secret.sh": b"rm"})
    node.run(make_config(), "set")
    assert visible("data") == ["0.png", "1.png", "2.png", "net=1.mat"]
    (tmp_path / "mirror/shop/all.tgz").unlink()
    node.run(make_config(), "net")


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"../evil.png": b"x"} | FILES, "'../evil.png' leaves its folder"),
        ({"a/../../../evil.png": b"x"} | FILES, "leaves its folder"),
        ({"/evil.png": b"x"} | FILES, "'/evil.png' leaves its folder"),
        ({"a/0.png": link("a/0.png", "/etc/passwd")}, "'a/0.png' is not a plain file"),
        ({"a/0.png": link("a/0.png", "a/1.png", tarfile.LNKTYPE)}, "'a/0.png' is not a plain file"),
        ({"a/0.png": FILES["a/0.png"]}, "3 listed files are not in it, first a/1.png"),
        ({"a/0.png": picture(99)}, "all.tgz: a/0.png: wrong hash"),
        ({"a/0.png": FILES["a/0.png"] + b"!"}, "all.tgz: a/0.png: too long"),
        ({"zeros": bytes(300_000)} | FILES, "unpacks to more than 200000 bytes"),
    ],
)
def test_a_malicious_or_wrong_archive_is_refused(tmp_path, members, found):
    archived(tmp_path, members)
    before = sorted(tmp_path.parent.iterdir())
    with pytest.raises(UserError, match=found):
        node.run(make_config(), "set")
    assert set(visible("data")) <= {"0.png"}
    assert sorted(tmp_path.parent.iterdir()) == before


@pytest.mark.parametrize("content", [b"", b"not an archive", tar_gz(dict(FILES))[:2000]])
def test_a_damaged_archive_is_one_line(tmp_path, content):
    archived(tmp_path, {})
    (tmp_path / "mirror/shop/all.tgz").write_bytes(content)
    with pytest.raises(UserError, match="all.tgz: not the official archive"):
        node.run(make_config(), "set")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_an_archive_cut_inside_a_member_is_one_line(tmp_path, share):
    data = tar_gz({"a/noise": random.Random(0).randbytes(200_000)})
    path = tmp_path / "cut.tgz"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match="cut.tgz: not the official archive"):
        for _, stream in archive.members(path, 1_000_000, "cut.tgz"):
            stream.read()


def test_the_archive_walk_stops_at_its_bound(tmp_path):
    (tmp_path / "bomb.tgz").write_bytes(tar_gz({"zeros": bytes(5_000_000)}))
    with pytest.raises(UserError, match="unpacks to more than 1000000 bytes"):
        list(archive.members(tmp_path / "bomb.tgz", 1_000_000, "bomb.tgz"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("shop/../../evil.png,5," + "0" * 64, "not a plain path below shop/"),
        ("/etc/passwd,5," + "0" * 64, "not a plain path"),
        ("shop/a.png,-5," + "0" * 64, "bytes is '-5'"),
        ("shop/a.png,5,abc", "sha256 is 'abc'"),
        ("shop/a.png,5", "2 fields; expected 3"),
        ("shop/a/0.png,5," + "0" * 64, "listed twice"),
    ],
)
def test_a_wrong_manifest_is_named_by_its_line(line, found):
    with open("workflow/manifests/shop.csv", "a") as stream:
        stream.write(line + "\n")
    with pytest.raises(UserError, match=f"shop.csv: line 6: .*{found}"):
        stores.load_manifest("shop")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("x,shop/none.png,", "not in workflow/manifests/shop.csv"),
        ("../x,shop/model/net=1.mat,", "characters other than"),
        ("0,shop/model/net=1.mat,", "id 0 stands in an earlier line"),
    ],
)
def test_a_wrong_subset_is_named_by_its_line(line, found):
    with open("workflow/manifests/subsets/set.csv", "a") as stream:
        stream.write(line + "\n")
    with pytest.raises(UserError, match=f"set.csv: line 5: .*{found}"):
        stores.load_items("set", stores.load_store("shop"))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("url: http", "url: file", "expected an http or https address"),
        ("{path}", "", "must have {path} exactly where"),
        ("licence: free", "license: free", "expected"),
        ("shop:", "shopp:", "no store 'shop'; it has shopp"),
    ],
)
def test_a_wrong_store_is_named(old, new, found):
    path = Path("workflow/manifests/stores.yaml")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=found):
        stores.load_store("shop")


def test_a_manifest_can_be_rebuilt(tmp_path):
    path = Path("workflow/manifests/shop.csv")
    before = sorted(path.read_text().splitlines()[1:])
    assert manifest.rebuild(stores.load_store("shop"), tmp_path / "mirror/shop") == 4
    assert path.read_text().splitlines()[1:] == before
    archived(tmp_path, FILES)
    assert manifest.rebuild(stores.load_store("shop"), tmp_path / "mirror/shop") == 3  # the images
    with pytest.raises(UserError, match="no such|not found"):
        manifest.rebuild(stores.load_store("shop"), tmp_path / "nowhere")
