"""Archives of labelled sets that are damaged, hostile, or not what they should be: one line, and nothing left."""

import errno
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from redenoise.dag import paths
from stages.labelled import imagenet, voc
from tests import labelled_project as tiny


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """An empty project as working directory, and a mirror with all tiny archives."""
    return tiny.set_up(tmp_path, monkeypatch)


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(("key", "name"), tiny.NEEDED)
def test_a_truncated_archive_is_an_error(mirror, key, name):
    expected = tiny.md5(mirror / name)
    (mirror / name).write_bytes((mirror / name).read_bytes()[:-600])
    assert tiny.error_of(key) == (
        f"{mirror / name}: MD5 {tiny.md5(mirror / name)}, expected {expected} of the official archive; "
        "it is truncated, damaged or another file: replace it or remove it"
    )
    assert tiny.leftovers() == []
    assert not paths.labelled("tiny", key).exists()


@pytest.mark.parametrize(("key", "name"), tiny.NEEDED)
@pytest.mark.parametrize("kind", ["empty", "half", "other"])
def test_something_else_under_a_right_md5_is_an_error(mirror, monkeypatch, key, name, kind):
    data = (mirror / name).read_bytes()
    damaged = {"empty": b"", "half": data[: len(data) // 2], "other": b"something else" * 1000}[kind]
    tiny.replace(monkeypatch, mirror, name, damaged)
    line = tiny.error_of(key)
    assert line.startswith(f"{mirror / name}") and "not the official archive" in line
    assert "replace it by the original" in line
    assert tiny.leftovers() == []


@pytest.mark.parametrize("key", list(tiny.LABELLED))
@pytest.mark.parametrize("member", ["../escaped", "/redenoise-escaped", "a/../../escaped"])
def test_a_member_outside_the_folder_is_refused(mirror, monkeypatch, tmp_path, key, member):
    name = {"imagenet_train": tiny.TRAIN, "imagenet_val": tiny.VAL, "voc_train_aug": tiny.SBD, "voc_val": tiny.VOC}[key]
    tiny.replace(monkeypatch, mirror, name, tiny.tar_bytes({member: b"x"}))
    assert tiny.error_of(key) == f"{mirror / name}: member {member!r} leaves its folder; use the original archive"
    assert not Path("/redenoise-escaped").exists() and not list(tmp_path.rglob("*escaped*"))
    assert tiny.leftovers() == []


def test_a_member_outside_the_folder_is_refused_in_the_kit_and_in_an_inner_archive(mirror, monkeypatch, tmp_path):
    inner = tiny.tar_bytes({"../escaped.JPEG": b"x"})
    tiny.replace(monkeypatch, mirror, tiny.TRAIN, tiny.tar_bytes(tiny.train_members() | {"n00000010.tar": inner}))
    line = tiny.error_of("imagenet_train")
    assert line.startswith(f"{mirror / tiny.TRAIN}: n00000010.tar: member '../escaped.JPEG' leaves its folder")
    tiny.replace(monkeypatch, mirror, tiny.DEVKIT, tiny.tar_bytes({"../escaped": b"x"}, "w:gz"))
    Path("data/imagenet/devkit").rename("elsewhere")
    assert tiny.error_of("imagenet_val").startswith(f"{mirror / tiny.DEVKIT}: member '../escaped' leaves its folder")
    assert not list(tmp_path.rglob("*escaped*"))


def test_links_are_refused(mirror, monkeypatch):
    name = "ILSVRC2012_val_00000001.JPEG"
    tiny.replace(monkeypatch, mirror, tiny.VAL, tiny.tar_bytes(tiny.val_members() | {name: link(name, "/etc/passwd")}))
    assert f"member {name!r} is no plain file" in tiny.error_of("imagenet_val")


def test_an_archive_that_unpacks_to_too_much_is_refused(mirror, monkeypatch):
    monkeypatch.setattr(voc, "SBD_MAX", 1000)
    assert "not the official archive (it unpacks to more than 1000 bytes)" in tiny.error_of("voc_train_aug")
    monkeypatch.setattr(voc, "SBD_MAX", 10**6)
    monkeypatch.setattr(voc, "MASK_MAX", 100)
    assert "not the official archive (more than 100 bytes)" in tiny.error_of("voc_train_aug")


def changed(members: dict, name: str, content: bytes | None) -> bytes:
    members = {other: data for other, data in members.items() if other != name}
    return tiny.tar_bytes(members if content is None else members | {name: content})


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("n00000010.tar", None, "1 classes are not in it, first n00000010"),
        ("n00000040.tar", b"x", "member 'n00000040.tar' is no archive of a class"),
        ("n00000010.tar", tiny.tar_bytes({}), "no images in it"),
        ("n00000010.tar", tiny.tar_bytes({"n00000020_1.JPEG": b"x"}), "member 'n00000020_1.JPEG' is no image"),
        ("n00000010.tar", b"something else", "not the official archive"),
    ],
)
def test_training_images_that_are_not_those_of_imagenet(mirror, monkeypatch, name, content, problem):
    tiny.replace(monkeypatch, mirror, tiny.TRAIN, changed(tiny.train_members(), name, content))
    line = tiny.error_of("imagenet_train")
    assert line.startswith(f"{mirror / tiny.TRAIN}: ") and problem in line
    assert tiny.leftovers() == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("ILSVRC2012_val_00000003.JPEG", None, "5 images, the development kit has the classes of 6"),
        ("ILSVRC2012_val_3.JPEG", b"x", "member 'ILSVRC2012_val_3.JPEG' is no validation image"),
        ("folder/ILSVRC2012_val_00000007.JPEG", b"x", "is no validation image"),
    ],
)
def test_validation_images_that_are_not_those_of_imagenet(mirror, monkeypatch, name, content, problem):
    tiny.replace(monkeypatch, mirror, tiny.VAL, changed(tiny.val_members(), name, content))
    assert problem in tiny.error_of("imagenet_val")
    assert tiny.leftovers() == []


def test_an_image_that_stands_twice_in_an_archive(mirror, monkeypatch):
    one = {"ILSVRC2012_val_00000001.JPEG": b"x"}
    tiny.replace(monkeypatch, mirror, tiny.VAL, tiny.tar_bytes(one)[:1024] + tiny.tar_bytes(one))
    assert "ILSVRC2012_val_00000001.JPEG stands in it twice" in tiny.error_of("imagenet_val")


def test_a_kit_without_classes(mirror, monkeypatch):
    tiny.replace(monkeypatch, mirror, tiny.DEVKIT, tiny.tar_bytes({"ILSVRC2012_devkit_t12/readme": b"x"}, "w:gz"))
    assert f"{mirror / tiny.DEVKIT}: not the official archive (no classes found in it" in tiny.error_of("imagenet_val")


def mat(**fields: object) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, fields)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"something else", "no GTcls.Segmentation in it"),
        (mat(other=1), "no GTcls.Segmentation in it"),
        (mat(GTcls={"Boundaries": 1}), "no GTcls.Segmentation in it"),
        (tiny.sbd_file(np.full((20, 30), 21, dtype=np.uint8)), "is no image of classes 0 to 20"),
        (tiny.sbd_file(np.zeros((20, 30))), "is no image of classes 0 to 20"),
        (tiny.sbd_file(np.zeros((20, 30), dtype=np.uint8))[:-20], "not the official archive"),
    ],
)
def test_a_mask_of_sbd_that_is_none(mirror, monkeypatch, content, problem):
    name = f"benchmark_RELEASE/dataset/cls/{tiny.SBD_ONLY[0]}.mat"
    tiny.replace(monkeypatch, mirror, tiny.SBD, tiny.tar_bytes(tiny.sbd_members() | {name: content}, "w:gz"))
    line = tiny.error_of("voc_train_aug")
    assert line.startswith(f"{mirror / tiny.SBD}: {name}: not the official archive") and problem in line
    assert not Path("data/voc/SBD").exists()


@pytest.mark.parametrize(
    ("key", "name", "problem"), [("voc_train_aug", tiny.SBD, "no masks below"), ("voc_val", tiny.VOC, "nothing below")]
)
def test_archives_of_another_layout(mirror, monkeypatch, key, name, problem):
    tiny.replace(monkeypatch, mirror, name, tiny.tar_bytes({"other/2007_000032.jpg": b"x"}))
    assert f"{mirror / name}: not the official archive ({problem}" in tiny.error_of(key)


def test_a_disk_that_fills_up_leaves_nothing_behind(mirror, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(imagenet, "write_member", full)
    assert tiny.error_of("imagenet_val").startswith("data/imagenet/val: no room on disk; nothing half-written was kept")
    assert tiny.leftovers() == []
