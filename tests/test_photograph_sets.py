"""Photographs with labels that anybody may fetch, from tiny copies in their layouts: from the store to the examples."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.data.labelled import IGNORED, Example, read_image_of, read_labelled, read_mask_of
from redenoise.support.errors import UserError
from stages.labelled import public
from stages.labelled.node import run
from tests.download_project import NOWHERE, make_root
from tests.labelled_project import MADE, REAL, encode, jpeg

FOLDER_1300 = "ILSVRC2012_VAL_SET"
SETS = {
    "imagenet_1300": {"title": "1,300", "source": "imagenet_1300", "split": "val", "task": "classification"},
    "imagenet_1000": {"title": "1,000", "source": "imagenet_1000", "split": "train", "task": "classification"},
    "camvid_test": {"title": "CamVid", "source": "camvid", "split": "test", "task": "segmentation"},
}
MASK = np.array([[0, 10, 11], [3, 3, 11]], np.uint8).repeat(10, axis=0).repeat(10, axis=1)  # 20x30


def mask(values: np.ndarray = MASK) -> bytes:
    return encode(values, "PNG")


FILES = {
    f"imagenet_1300/{FOLDER_1300}/synset_words.txt": b"n1 crane\nn2 tench, Tinca tinca\nn3 shark\n",
    f"imagenet_1300/{FOLDER_1300}/dataset.txt": b"./data/b.JPEG, 2\n./data/a.JPEG, 0\n",
    f"imagenet_1300/{FOLDER_1300}/data/a.JPEG": jpeg(1),
    f"imagenet_1300/{FOLDER_1300}/data/b.JPEG": jpeg(2),
    "imagenet_1000/n2_tench.JPEG": jpeg(3),
    "imagenet_1000/n1_black_crane.JPEG": jpeg(4),
    "imagenet_1000/n3_shark.JPEG": jpeg(5),
    "camvid/CamVid/test/0001.png": encode(np.zeros((20, 30, 3), np.uint8), "PNG"),
    "camvid/CamVid/testannot/0001.png": mask(),
    "camvid/CamVid/train/0002.png": encode(np.zeros((20, 30, 3), np.uint8), "PNG"),
    "camvid/CamVid/trainannot/0002.png": mask(),
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> None:
    """A project as working directory with a mirror beside it, where ImageNet has three classes."""
    (tmp_path / "project").mkdir()
    make_root(tmp_path / "project", monkeypatch)
    monkeypatch.setenv("REDENOISE_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr(public, "IMAGENET_CLASSES", 3)
    write({})


def write(changed: dict[str, bytes | None]) -> None:
    """The mirror and the lists of its files; None leaves a file out of both."""
    files = {path: data for path, data in {**FILES, **changed}.items() if data is not None}
    mirror, manifests = Path("../mirror"), Path("workflow/manifests")
    shutil.rmtree(mirror, ignore_errors=True)
    shutil.rmtree("data", ignore_errors=True)
    manifests.mkdir(parents=True, exist_ok=True)
    lines = {name: ["path,bytes,sha256"] for name in ("imagenet_1300", "imagenet_1000", "camvid")}
    for path, data in files.items():
        (mirror / path).parent.mkdir(parents=True, exist_ok=True)
        (mirror / path).write_bytes(data)
        lines[path.partition("/")[0]].append(f"{path},{len(data)},{hashlib.sha256(data).hexdigest()}")
    stores = [f"{name}:\n  title: T\n  licence: L\n  url: {NOWHERE}/{{path}}\n" for name in lines]
    (manifests / "stores.yaml").write_text("".join(stores))
    for name, rows in lines.items():
        (manifests / f"{name}.csv").write_text("\n".join(rows) + "\n")


def examples(key: str, settings: dict = REAL, **entry: str) -> list[Example]:
    labelled = {**SETS, key: SETS[key] | entry}
    run(Config("tiny", {"scale": "tiny", "unavailable": "fail", "labelled": labelled}, settings), key)
    return read_labelled(paths.labelled("tiny", key))


def classes(key: str) -> str:
    return (paths.labelled("tiny", key) / "classes.json").read_text()


def test_images_of_the_1300_are_in_the_order_of_their_list():
    first, second = examples("imagenet_1300")
    assert [(first.id, first.label), (second.id, second.label)] == [("b", 2), ("a", 0)]
    assert first.path.read_bytes() == jpeg(2) and read_image_of(first).shape == (20, 30, 3)
    assert "tench, Tinca tinca" in classes("imagenet_1300")


def test_the_place_of_a_wnid_among_all_is_the_label():
    found = examples("imagenet_1000")
    assert [(one.id, one.label) for one in found] == [("n1_black_crane", 0), ("n2_tench", 1), ("n3_shark", 2)]
    assert "black crane" in classes("imagenet_1000")


def test_pixels_without_a_class_are_ignored():
    (one,) = examples("camvid_test")
    expected = np.where(MASK == public.VOID, IGNORED, MASK)
    assert one.id == "0001" and np.array_equal(read_mask_of(one, len(public.CAMVID)), expected)


@pytest.mark.parametrize(
    ("key", "changed", "line"),
    [
        ("imagenet_1300", {f"imagenet_1300/{FOLDER_1300}/dataset.txt": b"./data/a.JPEG, 3\n"}, "./data/a.JPEG, 3"),
        ("imagenet_1300", {f"imagenet_1300/{FOLDER_1300}/dataset.txt": b"./data/a.JPEG\n"}, "./data/a.JPEG"),
        ("imagenet_1300", {f"imagenet_1300/{FOLDER_1300}/data/b.JPEG": None}, "./data/b.JPEG, 2"),
        ("imagenet_1300", {f"imagenet_1300/{FOLDER_1300}/synset_words.txt": b"n1 crane\n"}, "expected an image of"),
        ("imagenet_1300", {f"imagenet_1300/{FOLDER_1300}/dataset.txt": None}, "dataset.txt is not listed"),
        ("imagenet_1000", {"imagenet_1000/n3_shark.JPEG": None}, "2 classes of ImageNet, expected 3"),
        ("camvid_test", {"camvid/CamVid/testannot/0001.png": mask(MASK + 1)}, "class 12, expected 0 to 11"),
        ("camvid_test", {"camvid/CamVid/testannot/0001.png": encode(np.zeros((9, 9, 3), np.uint8), "PNG")}, "mode RGB"),
        ("camvid_test", {"camvid/CamVid/testannot/0001.png": b"no image"}, "not a readable mask"),
        ("camvid_test", {"camvid/CamVid/testannot/0001.png": None}, "testannot/0001.png is not listed"),
    ],
)
def test_what_is_wrong_is_one_line(key, changed, line):
    write(changed)
    with pytest.raises(UserError) as caught:
        examples(key)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert not paths.labelled("tiny", key).exists()


def test_a_mask_of_another_size_is_refused_where_it_is_read():
    write({"camvid/CamVid/testannot/0001.png": mask(MASK[:10])})
    (one,) = examples("camvid_test")
    with pytest.raises(UserError, match="30x10 pixels, expected 30x20"):
        read_mask_of(one, len(public.CAMVID))


def test_a_file_that_is_not_the_listed_one_is_refused():
    Path(f"../mirror/imagenet_1300/{FOLDER_1300}/data/a.JPEG").write_bytes(jpeg(9))
    with pytest.raises(UserError, match=r"a\.JPEG"):
        examples("imagenet_1300")


def test_a_split_that_a_set_does_not_have():
    with pytest.raises(UserError, match="camvid has no split 'val_aug'; allowed: train, val, test"):
        examples("camvid_test", split="val_aug")


@pytest.mark.parametrize("settings", [REAL, MADE])
def test_a_set_that_is_not_there_stops_nothing(settings):
    shutil.rmtree("../mirror")
    Path("../mirror").mkdir()
    assert examples("camvid_test", settings) == []
    assert "CamVid" in unavailable_reason(paths.labelled("tiny", "camvid_test")) or settings is REAL


def test_the_committed_lists_have_a_mask_for_every_frame_and_an_image_for_every_class():
    root = Path(__file__).parents[1] / "workflow/manifests"

    def listed(name: str) -> list[str]:
        with (root / f"{name}.csv").open(newline="") as stream:
            return [row["path"] for row in csv.DictReader(stream)]

    frames = {path for path in listed("camvid") if path.endswith(".png")}
    images = {path for path in frames if "annot/" not in path}
    assert images and {"annot/".join(path.rsplit("/", 1)) for path in images} == frames - images
    wnids = [path.split("/")[1].split("_")[0] for path in listed("imagenet_1000")]
    assert len(set(wnids)) == len(wnids) and wnids == sorted(wnids)
