"""Tiny archives in the official layouts of ImageNet, Pascal VOC 2012 and SBD, for tests of labelled data sets.

`set_up` makes a project and a mirror with all of them. Its parts serve other tests: `write_imagenet` and `write_voc`
fill a mirror, `make_official` has torchvision's tables name the MD5 sums of what lies there, and `write_lists` puts
tiny lists of ids in the place of the committed ones.
"""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import SBDataset, voc
from torchvision.datasets import imagenet as official

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.data.labelled import Example, read_labelled
from redenoise.sources import fetch
from redenoise.support.errors import UserError
from stages.labelled.node import run
from tests.download_project import NOWHERE, tar_bytes

LABELLED = {
    "imagenet_train": {"title": "ILSVRC2012", "source": "imagenet", "split": "train", "task": "classification"},
    "imagenet_val": {"title": "ILSVRC2012", "source": "imagenet", "split": "val", "task": "classification"},
    "voc_train_aug": {"title": "Pascal VOC 2012", "source": "voc", "split": "train_aug", "task": "segmentation"},
    "voc_val": {"title": "Pascal VOC 2012", "source": "voc", "split": "val", "task": "segmentation"},
}
REAL = {"real_data": True, "labelled": None, "labelled_downloads": False}
DOWNLOADING = REAL | {"labelled_downloads": True}
MADE = {"real_data": False, "labelled": {"train": 9, "test": 6, "size": 48}, "labelled_downloads": False}
# Archives by their paths in a mirror, and a set that needs each.
DEVKIT, TRAIN, VAL = (f"imagenet/ILSVRC2012_{name}" for name in ("devkit_t12.tar.gz", "img_train.tar", "img_val.tar"))
VOC, SBD = "voc/VOCtrainval_11-May-2012.tar", "voc/benchmark.tgz"
NEEDED = [
    *(("imagenet_val", DEVKIT), ("imagenet_train", TRAIN), ("imagenet_val", VAL)),
    *(("voc_val", VOC), ("voc_train_aug", SBD)),
]

# In the order of the development kit's own numbers, which is not the sorted one that gives the labels.
WNIDS = ("n00000030", "n00000010", "n00000020")
WORDS = {"n00000030": "crane", "n00000010": "tench, Tinca tinca", "n00000020": "great white shark"}
VAL_NUMBERS = (2, 1, 3, 1, 2, 3)  # the kit's class number of each validation image
TRAIN_IMAGES = 2  # of each class

VOC_TRAIN, SBD_ONLY, VOC_VAL = ("2007_000032", "2007_000039"), ("2008_000002", "2008_000003"), ("2007_000033",)
SIZES = {name: (20 + 2 * place, 30) for place, name in enumerate((*VOC_TRAIN, *SBD_ONLY, *VOC_VAL))}  # height, width


def labelled_config(settings: dict | None = None) -> Config:
    """A configuration with the four labelled sets."""
    params = {"scale": "tiny", "unavailable": "fail", "labelled": LABELLED}
    return Config("tiny", params, settings or REAL)


def jpeg(seed: int, height: int = 20, width: int = 30) -> bytes:
    """A small JPEG file."""
    return encode(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8), "JPEG")


def encode(image: np.ndarray, kind: str) -> bytes:
    """An image file in memory."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format=kind)
    return buffer.getvalue()


def write_imagenet(mirror: Path) -> None:
    """The three archives of ImageNet below `mirror`/imagenet/."""
    folder = mirror / "imagenet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(devkit())
    (folder / "ILSVRC2012_img_train.tar").write_bytes(tar_bytes(train_members()))
    (folder / "ILSVRC2012_img_val.tar").write_bytes(tar_bytes(val_members()))


def devkit(numbers: tuple[int, ...] = VAL_NUMBERS) -> bytes:
    """The development kit: the classes, a synset above them, and the ground truth of the validation images."""
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height")
    rows = [(number, wnid, WORDS[wnid], "", 0, [], 0) for number, wnid in enumerate(WNIDS, start=1)]
    rows.append((len(WNIDS) + 1, "n00000001", "animal", "", 3, [1, 2, 3], 1))
    synsets = np.zeros((len(rows), 1), dtype=[(name, object) for name in fields])
    for place, row in enumerate(rows):
        synsets[place, 0] = row
    buffer = io.BytesIO()
    savemat(buffer, {"synsets": synsets})
    truth = "".join(f"{number}\n" for number in numbers).encode()
    data = "ILSVRC2012_devkit_t12/data"
    members = {f"{data}/meta.mat": buffer.getvalue(), f"{data}/ILSVRC2012_validation_ground_truth.txt": truth}
    return tar_bytes(members, "w:gz")


def train_members() -> dict[str, bytes]:
    """What the archive of the training images holds: an archive for each class."""
    archives = {}
    for place, wnid in enumerate(WNIDS):
        images = {f"{wnid}_{7 - n}.JPEG": jpeg(10 * place + n) for n in range(TRAIN_IMAGES)}
        archives[f"{wnid}.tar"] = tar_bytes(images)
    return archives


def val_members() -> dict[str, bytes]:
    """What the archive of the validation images holds; not in the order of their numbers."""
    numbers = range(len(VAL_NUMBERS), 0, -1)
    return {f"ILSVRC2012_val_{number:08d}.JPEG": jpeg(100 + number) for number in numbers}


def write_voc(mirror: Path) -> None:
    """The archives of Pascal VOC 2012 and SBD below `mirror`/voc/."""
    folder = mirror / "voc"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "VOCtrainval_11-May-2012.tar").write_bytes(tar_bytes(voc_members()))
    (folder / "benchmark.tgz").write_bytes(tar_bytes(sbd_members(), "w:gz"))


def voc_members() -> dict[str, bytes]:
    """What the archive of Pascal VOC holds: images, palette masks, and other files that nobody needs here."""
    base = "VOCdevkit/VOC2012"
    members = {f"{base}/Annotations/2007_000032.xml": b"<annotation/>"}
    for seed, (name, (height, width)) in enumerate(SIZES.items()):
        members[f"{base}/JPEGImages/{name}.jpg"] = jpeg(200 + seed, height, width)
    for name in (*VOC_TRAIN, *VOC_VAL):
        members[f"{base}/SegmentationClass/{name}.png"] = palette_png(voc_mask(name))
        members[f"{base}/SegmentationObject/{name}.png"] = palette_png(voc_mask(name))
    return members


def sbd_members() -> dict[str, bytes]:
    """What the archive of SBD holds: masks also of images that Pascal VOC has one of, and other files."""
    base = "benchmark_RELEASE/dataset"
    members = {f"{base}/train.txt": b"2008_000002\n", "benchmark_RELEASE/README": b"SBD"}
    for name in (*SBD_ONLY, VOC_TRAIN[0]):
        members[f"{base}/cls/{name}.mat"] = sbd_file(sbd_mask(name))
        members[f"{base}/inst/{name}.mat"] = sbd_file(sbd_mask(name))
    return members


def voc_mask(name: str) -> np.ndarray:
    """Classes of one image in Pascal VOC: one object, class 15, with an ignored rim."""
    mask = np.zeros(SIZES[name], dtype=np.uint8)
    mask[4:12, 5:20] = 255
    mask[5:11, 6:19] = 15
    return mask


def sbd_mask(name: str) -> np.ndarray:
    """Classes of one image in SBD: one object, class 7 or 8, without a rim."""
    mask = np.zeros(SIZES[name], dtype=np.uint8)
    mask[5:11, 6:19] = 7 + SIZES[name][0] % 4 // 2
    return mask


def palette_png(mask: np.ndarray) -> bytes:
    """A PNG file whose palette gives index 15 other values as gray than 15."""
    image = Image.fromarray(mask, mode="P")
    image.putpalette([(index * 37 + channel * 91) % 256 for index in range(256) for channel in range(3)])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def sbd_file(mask: np.ndarray) -> bytes:
    """A MATLAB file as SBD has them."""
    buffer = io.BytesIO()
    savemat(buffer, {"GTcls": {"Segmentation": mask, "CategoriesPresent": np.unique(mask)}}, do_compression=True)
    return buffer.getvalue()


def write_lists(root: Path) -> None:
    """Tiny lists of ids in workflow/manifests/lists/ of a project."""
    folder = root / "workflow/manifests/lists"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "voc2012_train_aug.txt").write_text("".join(f"{name}\n" for name in (*VOC_TRAIN, *SBD_ONLY)))
    (folder / "voc2012_val.txt").write_text("".join(f"{name}\n" for name in VOC_VAL))


def make_official(monkeypatch: pytest.MonkeyPatch, mirror: Path, url: str = NOWHERE) -> None:
    """Have torchvision's tables name the archives of `mirror` as the official ones, and `url` as their origin."""
    for part, (name, _) in list(official.ARCHIVE_META.items()):
        path = mirror / "imagenet" / name
        if path.is_file():
            monkeypatch.setitem(official.ARCHIVE_META, part, (name, md5(path)))
    entry = dict(voc.DATASET_YEAR_DICT["2012"])
    entry["url"] = f"{url}/{entry['filename']}"
    if (path := mirror / "voc" / entry["filename"]).is_file():
        entry["md5"] = md5(path)
    monkeypatch.setitem(voc.DATASET_YEAR_DICT, "2012", entry)
    monkeypatch.setattr(SBDataset, "url", f"{url}/{SBDataset.filename}")
    if (path := mirror / "voc" / SBDataset.filename).is_file():
        monkeypatch.setattr(SBDataset, "md5", md5(path))


def md5(path: Path) -> str:
    """MD5 of a file, in hexadecimal."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def set_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project below `root` as working directory, with tiny lists; returns a mirror with all tiny archives."""
    mirror, project = root / "mirror", root / "project"
    write_imagenet(mirror)
    write_voc(mirror)
    make_official(monkeypatch, mirror)
    monkeypatch.setenv("REDENOISE_MIRROR", str(mirror))
    monkeypatch.setattr(fetch, "BACKOFF_SECONDS", 0.001)
    write_lists(project)
    monkeypatch.chdir(project)
    return mirror


def replace(monkeypatch: pytest.MonkeyPatch, mirror: Path, name: str, data: bytes) -> None:
    """Put other bytes into the mirror, and have them be the official ones."""
    (mirror / name).write_bytes(data)
    make_official(monkeypatch, mirror)


def examples(key: str, settings: dict | None = None) -> list[Example]:
    """Run a node and read what it made."""
    run(labelled_config(settings), key)
    return read_labelled(paths.labelled("tiny", key))


def error_of(key: str, settings: dict | None = None) -> str:
    """The one line that a node fails with."""
    with pytest.raises(UserError) as caught:
        run(labelled_config(settings), key)
    line = str(caught.value)
    assert "\n" not in line
    return line


def leftovers() -> list[str]:
    """What lies in data/ besides locks and finished folders."""
    files = (path for path in Path("data").rglob("*") if path.is_file() and path.suffix != ".lock")
    return [str(path) for path in files if not (Path(*path.parts[:3]) / "unpacked.json").is_file()]
