"""ImageNet, Pascal VOC and SBD from tiny archives in their official layouts: from the check to the examples."""

import multiprocessing
import os
import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import SBDataset
from torchvision.datasets import imagenet as official

from redenoise.dag import paths
from redenoise.dag.indexed import unavailable_reason
from redenoise.data.labelled import read_image_of, read_labelled, read_mask_of
from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from stages.labelled import archives, imagenet, voc
from stages.labelled.node import run
from tests import labelled_project as tiny
from tests.conftest import ROOT
from tests.download_project import serving


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """An empty project as working directory, and a mirror with all tiny archives."""
    return tiny.set_up(tmp_path, monkeypatch)


def reason(key: str, settings: dict | None = None) -> str:
    assert tiny.examples(key, settings) == []
    assert read_json(paths.labelled("tiny", key) / "classes.json") == []
    record = read_json(paths.provenance("tiny", "labelled", key))
    assert record["unavailable"] == unavailable_reason(paths.labelled("tiny", key))
    return record["unavailable"]


def test_imagenet_validation_images_have_the_labels_of_torchvision(mirror, tmp_path, monkeypatch):
    found = tiny.examples("imagenet_val")
    assert [example.id for example in found] == [f"ILSVRC2012_val_{n:08d}" for n in range(1, 7)]
    # tench n..10 is 0, shark n..20 is 1, crane n..30 is 2; the kit numbers crane 1, tench 2, shark 3.
    assert [example.label for example in found] == [0, 2, 1, 2, 0, 1]
    folder = paths.labelled("tiny", "imagenet_val")
    assert read_json(folder / "classes.json") == ["tench, Tinca tinca", "great white shark", "crane"]
    for number, example in enumerate(found, start=1):
        assert example.path.parts[:3] == ("data", "imagenet", "val") and example.sha256 == ""
        assert example.path.read_bytes() == tiny.jpeg(100 + number)
        assert read_image_of(example).shape == (20, 30, 3)
    assert tiny.leftovers() == []


@pytest.mark.parametrize("split", ["train", "val"])
def test_imagenet_as_torchvision_unpacks_it(mirror, split):
    """The whole of torchvision's own way, on the same archives, gives the same labels."""
    reference = official.ImageNet(mirror / "imagenet", split)
    expected = {Path(path).name: (label, Path(path).read_bytes()) for path, label in reference.samples}
    found = {
        example.path.name: (example.label, example.path.read_bytes()) for example in tiny.examples(f"imagenet_{split}")
    }
    assert found == expected
    names = read_json(paths.labelled("tiny", f"imagenet_{split}") / "classes.json")
    assert names == [", ".join(synonyms) for synonyms in reference.classes]


def test_only_the_archives_of_the_asked_split_are_needed(mirror):
    (mirror / tiny.TRAIN).unlink()
    assert len(tiny.examples("imagenet_val")) == 6
    (mirror / tiny.VAL).unlink()
    line = (
        "ImageNet is not here: ILSVRC2012_devkit_t12.tar.gz and ILSVRC2012_img_train.tar, which image-net.org gives to "
        "persons with an account, belong into REDENOISE_MIRROR/imagenet/ or data/imagenet/"
    )
    assert reason("imagenet_train") == line
    assert len(tiny.examples("imagenet_val")) == 6


def test_the_log_says_which_archive_was_looked_for_where(mirror, capsys):
    (mirror / tiny.DEVKIT).unlink()
    reason("imagenet_val")
    log = capsys.readouterr().err
    assert f"warning: ILSVRC2012_devkit_t12.tar.gz: not found; looked in {mirror}/imagenet, data/imagenet" in log
    assert "warning: labelled imagenet_val: skipped: ImageNet is not here" in log


def test_archives_in_data_serve_as_well(mirror, monkeypatch):
    Path("data").mkdir()
    for name in ("imagenet", "voc"):
        (mirror / name).rename(f"data/{name}")
    monkeypatch.delenv("REDENOISE_MIRROR")
    assert [len(tiny.examples(key)) for key in tiny.LABELLED] == [6, 6, 4, 1]
    assert Path("data", tiny.VAL).is_file()


def test_an_unpacked_set_needs_no_archive(mirror, monkeypatch):
    before = {key: tiny.examples(key) for key in tiny.LABELLED}
    for name in (tiny.DEVKIT, tiny.TRAIN, tiny.VAL, tiny.VOC, tiny.SBD):
        (mirror / name).unlink()
    assert {key: tiny.examples(key) for key in tiny.LABELLED} == before


def test_the_masks_of_voc_keep_their_palette_indices(mirror):
    (example,) = tiny.examples("voc_val")
    assert (example.id, example.label) == (tiny.VOC_VAL[0], None)
    assert np.array_equal(read_mask_of(example, 21), tiny.voc_mask(example.id))
    assert read_image_of(example).shape[:2] == tiny.SIZES[example.id]
    assert example.sha256
    names = read_json(paths.labelled("tiny", "voc_val") / "classes.json")
    assert len(names) == 21 and (names[0], names[15], names[20]) == ("background", "person", "tvmonitor")


def test_the_augmented_training_set_takes_masks_of_sbd_where_voc_has_none(mirror):
    found = tiny.examples("voc_train_aug")
    assert [example.id for example in found] == [*tiny.VOC_TRAIN, *tiny.SBD_ONLY]
    for example in found:
        expected = tiny.voc_mask(example.id) if example.id in tiny.VOC_TRAIN else tiny.sbd_mask(example.id)
        assert np.array_equal(read_mask_of(example, 21), expected)
        assert read_image_of(example).shape[:2] == tiny.SIZES[example.id]
    assert tiny.leftovers() == []


def test_sbd_masks_are_those_that_torchvision_reads(mirror, tmp_path):
    tiny.examples("voc_train_aug")
    with tarfile.open(mirror / tiny.SBD) as tar:
        tar.extractall(tmp_path / "sbd", filter="data")
    folder = tmp_path / "sbd/benchmark_RELEASE/dataset"
    (folder / "train.txt").write_text("\n".join(tiny.SBD_ONLY))
    reference = SBDataset(folder, "train", mode="segmentation")
    for name, path in zip(tiny.SBD_ONLY, reference.masks, strict=True):
        with Image.open(f"data/voc/SBD/{name}.png") as mask:
            assert np.array_equal(np.asarray(mask), np.asarray(reference._get_target(path)))


def test_validation_needs_no_sbd(mirror):
    (mirror / tiny.SBD).unlink()
    assert len(tiny.examples("voc_val")) == 1
    assert reason("voc_train_aug") == (
        "Pascal VOC 2012 is not here: VOCtrainval_11-May-2012.tar and benchmark.tgz not found in REDENOISE_MIRROR/voc/ "
        "or data/voc/, and this scale downloads no labelled data"
    )


def test_an_id_of_the_list_that_the_archives_lack(mirror):
    path = voc.list_path("val")
    path.write_text(path.read_text() + "2011_000001\n")
    assert tiny.error_of("voc_val") == (
        "data/voc/VOC2012/SegmentationClass/2011_000001.png: not in the archives, but "
        "workflow/manifests/lists/voc2012_val.txt lists it; correct the list"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2007_000032\n../../etc\n", "'../../etc' is no id such as 2007_000032"),
        ("2007_000032\n2007_000032\n", "no ids, or one that comes twice"),
        ("", "no ids, or one that comes twice"),
        (None, "not found"),
    ],
)
def test_a_list_that_is_wrong(mirror, text, problem):
    voc.list_path("val").unlink() if text is None else voc.list_path("val").write_text(text)
    assert problem in tiny.error_of("voc_val")


def test_the_committed_lists_are_the_published_ones(monkeypatch):
    monkeypatch.chdir(ROOT)
    train, val = voc.read_list("train_aug"), voc.read_list("val")
    assert (len(train), len(val)) == (10582, 1449)
    assert not set(train) & set(val)


def test_an_unknown_split(mirror):
    config = tiny.labelled_config()
    config.params["labelled"] = {key: entry | {"split": "test"} for key, entry in config.params["labelled"].items()}
    for key, allowed in (("imagenet_val", "train, val"), ("voc_val", "train_aug, val")):
        with pytest.raises(UserError, match=f"has no split 'test'; allowed: {allowed}"):
            run(config, key)


def test_voc_is_downloaded_where_the_scale_says_so(mirror, monkeypatch):
    files = {Path(name).name: (mirror / name).read_bytes() for name in (tiny.VOC, tiny.SBD)}
    with serving(files) as origin:
        tiny.make_official(monkeypatch, mirror, origin.url)
        for name in (tiny.VOC, tiny.SBD):
            (mirror / name).unlink()
        assert "this scale downloads no labelled data" in reason("voc_train_aug")
        assert origin.requests == []
        origin.faults["benchmark.tgz"] = [("cut", 100)]
        monkeypatch.setattr(archives, "check_room", lambda folder, needed: None)
        assert len(tiny.examples("voc_train_aug", tiny.DOWNLOADING)) == 4
        assert origin.requests[1:] == [("/benchmark.tgz", None), ("/benchmark.tgz", "bytes=100-")]
        assert len(tiny.examples("voc_val", tiny.DOWNLOADING)) == 1
        assert len(origin.requests) == 3
    assert tiny.leftovers() == []


def test_another_file_at_the_origin_is_an_error(mirror, monkeypatch):
    name = Path(tiny.VOC).name
    expected = tiny.md5(mirror / tiny.VOC)
    (mirror / tiny.VOC).unlink()
    monkeypatch.setattr(archives, "check_room", lambda folder, needed: None)
    with serving({name: b"a page that says something"}) as origin:
        tiny.make_official(monkeypatch, mirror, origin.url)
        entry = voc.voc.DATASET_YEAR_DICT["2012"]
        monkeypatch.setitem(entry, "md5", expected)
        line = tiny.error_of("voc_val", tiny.DOWNLOADING)
        assert line.startswith(f"{origin.url}/{name}: MD5 ") and f"expected {expected} of the official" in line
        assert line.endswith("take the file from another source, in a REDENOISE_MIRROR")
        assert len(origin.requests) == 2
    assert tiny.leftovers() == []


def test_an_origin_out_of_reach_stops_nothing(mirror, monkeypatch, capsys):
    (mirror / tiny.VOC).unlink()
    monkeypatch.setattr(archives, "check_room", lambda folder, needed: None)
    tiny.make_official(monkeypatch, mirror)
    assert reason("voc_val", tiny.DOWNLOADING) == (
        "Pascal VOC 2012 is not here: VOCtrainval_11-May-2012.tar not found in REDENOISE_MIRROR/voc/ or data/voc/, "
        "and the origin does not deliver"
    )
    assert "cannot be fetched" in capsys.readouterr().err


def run_until_killed(key: str) -> None:
    """Run a node in a process that is killed after two images."""
    write, written = archives.write_member, []

    def write_some(*arguments: object) -> None:
        if len(written) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(write(*arguments))

    imagenet.write_member = voc.write_member = write_some
    run(tiny.labelled_config(), key)


@pytest.mark.parametrize("key", ["imagenet_val", "voc_val"])
def test_a_killed_unpacking_does_not_look_finished(mirror, key):
    process = multiprocessing.get_context("fork").Process(target=run_until_killed, args=(key,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert tiny.leftovers() != []
    assert not Path("data/imagenet/val").exists() and not Path("data/voc/VOC2012").exists()
    assert len(tiny.examples(key)) == {"imagenet_val": 6, "voc_val": 1}[key]
    assert tiny.leftovers() == []


def test_an_unpacked_folder_that_lost_a_file(mirror):
    tiny.examples("imagenet_val")
    run(tiny.labelled_config(), "voc_val")
    read_labelled(paths.labelled("tiny", "imagenet_val"))[0].path.unlink()
    with pytest.raises(UserError) as caught:
        run(tiny.labelled_config(), "imagenet_val")
    assert str(caught.value) == (
        "data/imagenet/val: files is 5, unpacked.json says 6; delete data/imagenet/val, see to it that "
        "ILSVRC2012_img_val.tar is there, and start again"
    )


def test_a_folder_that_somebody_else_unpacked(mirror):
    Path("data/imagenet/val/n00000010").mkdir(parents=True)
    assert tiny.error_of("imagenet_val") == (
        "data/imagenet/val: exists, but without unpacked.json, so it was not unpacked from ILSVRC2012_img_val.tar by "
        "this project; move it away and start again"
    )


def test_a_damaged_list_of_classes(mirror):
    tiny.examples("imagenet_val")
    Path("data/imagenet/devkit/meta.bin").write_bytes(b"something else")
    with pytest.raises(UserError, match="data/imagenet/devkit: not readable .*; delete it and start again"):
        run(tiny.labelled_config(), "imagenet_val")


def test_no_room_on_disk(mirror, monkeypatch):
    def full(folder: Path, needed: int) -> None:
        raise UserError(f"{folder}: no room for {needed}")

    monkeypatch.setattr(archives, "check_room", full)
    assert tiny.error_of("voc_val") == f"data/voc/VOC2012: no room for {(mirror / tiny.VOC).stat().st_size}"
    assert tiny.leftovers() == []
