"""What must be a plain file is one: a pipe or a device in its place gets one line and is never read."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redenoise.commands.convert import convert
from redenoise.commands.diff import sides
from redenoise.commands.manifest.pictures import is_gray
from redenoise.commands.opinion import ratings
from redenoise.dag import indexed, provenance
from redenoise.data.images import image_header, read_image
from redenoise.document import store
from redenoise.measure.inputs import read_noisy
from redenoise.models.caffemodel import read_layers
from redenoise.models.matconvnet import read_convolutions
from redenoise.models.matlab import read_variable
from redenoise.models.weights import load_network
from redenoise.sources.disk import problem
from redenoise.sources.stores import StoreFile
from redenoise.sources.torchvision import read_state
from redenoise.support import csv_tables
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, read_sealed, sha256_file, sha256_path
from redenoise.support.yaml_files import read_yaml
from redenoise.training.checkpoint import read_checkpoint
from stages.report.outcomes import read as read_outcomes

READERS: dict[str, Callable[[Path], object]] = {
    "json": read_json,
    "yaml": read_yaml,
    "csv": lambda path: csv_tables.read(path, ("a",), "make it again"),
    "page": store.read,
    "record": provenance.read,
    "index": lambda path: indexed.read_index(renamed(path, indexed.INDEX)),
    "reason": lambda path: indexed.unavailable_reason(renamed(path, indexed.UNAVAILABLE)),
    "hash": sha256_file,
    "hash of an output": sha256_path,
    "kept image": read_sealed,
    "side of a comparison": sides._text,
    "image": read_image,
    "header of an image": image_header,
    "image of a new set": is_gray,
    "noisy image": read_noisy,
    "checkpoint": read_checkpoint,
    "weights": load_network,
    "caffemodel": read_layers,
    "converted": lambda path: convert(path, "vgg", "a"),
    "matconvnet": read_convolutions,
    "matlab": lambda path: read_variable(path, "a"),
    "torchvision": read_state,
    "outcomes": lambda path: read_outcomes(path, "clean", "top1"),
    "file of a store": lambda path: problem(path, StoreFile("kodak/a.png", 1, "0" * 64)),
    "ratings": lambda path: ratings.read(path, None),
}


def renamed(path: Path, name: str) -> Path:
    """The folder in which the file has another name."""
    path.rename(path.with_name(name))
    return path.parent


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """What waits for a pipe is ended."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it was read"))
    signal.alarm(20)
    yield
    signal.alarm(0)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("put", [pipe, device])
@pytest.mark.parametrize("kind", READERS)
def test_it_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, put: Callable[[Path], None]):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.png"
    put(path)
    with pytest.raises((UserError, ratings.Refused), match=r"a plain file|not a file"):
        READERS[kind](path)


@pytest.mark.usefixtures("no_waiting")
def test_a_pipe_in_a_folder_does_not_stop_its_hash(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    before = sha256_path(tmp_path)
    pipe(tmp_path / "b")
    assert sha256_path(tmp_path) == before
