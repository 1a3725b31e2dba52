"""Files that were made to harm: each is one line, at once, whatever reads it."""

import json
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from redenoise.commands.opinion import ratings
from redenoise.data.images import read_image
from redenoise.data.labelled import Example, read_mask_of
from redenoise.models import denoisers, recognizers
from redenoise.models.caffemodel import read_layers
from redenoise.models.matconvnet import read_convolutions
from redenoise.models.matlab import read_variable
from redenoise.models.weights import load_network
from redenoise.sources.archive import members
from redenoise.sources.torchvision import read_state
from redenoise.support import csv_tables
from redenoise.support.errors import UserError, damage_explained, during, enough_memory, out_of_memory, run_cli
from redenoise.support.files import read_json, sha256_file
from redenoise.training.checkpoint import read_checkpoint
from redenoise.training.imports import import_family

DEEP = "[" * 100_000


def weights(path: Path, description: str, tensors: dict[str, torch.Tensor] | None = None) -> Path:
    save_file(tensors or {"a": torch.ones(3)}, path, {"redenoise": description})
    return path


def described(**spec: object) -> str:
    return json.dumps({"network": spec, "origin": "x"})


HOSTILE = {
    "deep": (DEEP, "recursion"),
    "no network": ("{}", "'network'"),
    "another kind": ('{"network": 3}', "not a mapping|not iterable|mapping"),
    "divisor 0": (described(name="multiscale", divisor=0), "zero"),
    "depth": (described(name="dncnn", depth=10**30), "an option of its network is 1e.30, expected at most"),
    "depth of many digits": ('{"network": {"name": "dncnn", "depth": %s}}' % ("9" * 400), "too large"),
    "not a number": ('{"network": {"name": "dncnn", "depth": NaN}}', "an option of its network is nan"),
    "layers": (described(name="dncnn", depth=90_000, width=1), "far larger than the tensors"),
    "width": (described(name="ffdnet", depth=3, width=90_000), "far larger than the tensors"),
    "stages": (described(name="tnrd", stages=90_000), "far larger than the tensors"),
    "scales": (described(name="multiscale", scales=900), "far larger than the tensors"),
    "components": (described(name="epll", components=90_000, side=99), "far larger than the tensors"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_description_of_a_network_is_bounded_before_it_is_built(tmp_path: Path, name: str):
    description, found = HOSTILE[name]
    path = weights(tmp_path / "a.safetensors", description)
    with pytest.raises(UserError, match=rf"^{path}: not a weight file of this project \(.*({found})"):
        load_network(path)


def test_a_task_network_is_bounded_too(tmp_path: Path):
    path = weights(tmp_path / "a.safetensors", described(name="vgg", blocks=[90_000] * 3, classes=10))
    with pytest.raises(UserError, match="far larger than the tensors"):
        load_network(path, build=recognizers.build)


def test_tensors_that_are_not_the_networks_are_refused(tmp_path: Path):
    tensors = {"a": torch.zeros(4, 5, dtype=torch.int8), "a.scale": torch.ones(7)}
    path = weights(tmp_path / "a.safetensors", described(name="dncnn", depth=3, width=2), tensors)
    with pytest.raises(UserError, match="a.safetensors: "):
        load_network(path)


def test_looking_at_a_network_draws_no_random_numbers(tmp_path: Path):
    """Bounding builds it once more, without memory."""
    spec = {"name": "dncnn", "depth": 3, "width": 2, "batch_norm": False}
    path = weights(tmp_path / "a.safetensors", described(**spec), denoisers.build(spec).state_dict())
    torch.manual_seed(0)
    denoisers.build(spec)
    once = torch.get_rng_state()
    torch.manual_seed(0)
    load_network(path)
    assert torch.equal(torch.get_rng_state(), once)


# ----- archives


def header(name: bytes, kind: bytes, size: bytes) -> bytes:
    """A header of a tar archive with a right check sum."""
    fields = struct.pack("100s8s8s8s12s12s8sc", name, b"644", b"0", b"0", size, b"0", b" " * 8, kind).ljust(257, b"\0")
    fields = (fields + b"ustar  \0").ljust(512, b"\0")
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


def sparse() -> bytes:
    """A PAX header whose map of a sparse file holds letters."""
    record = b"23 GNU.sparse.map=x,y,z\n"
    record = b"%d %s" % (len(record), record.split(b" ", 1)[1])
    return header(b"x", b"x", b"%o" % len(record)) + record.ljust(512, b"\0") + header(b"a", b"0", b"0") + bytes(1024)


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "cut in a member": lambda: header(b"a", b"0", b"2000") + b"content",
    "names without end": lambda: (header(b"././@LongLink", b"L", b"1") + b"a".ljust(512, b"\0")) * 1500,
    "map of a sparse file": sparse,
    "size that is none": lambda: header(b"a", b"0", b"zz") + bytes(1024),
    "no archive": lambda: b"\x1f\x8b" + bytes(600),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_is_walked_to_its_end_or_refused_in_one_line(tmp_path: Path, name: str, packed: bool):
    content = ARCHIVES[name]()
    path = tmp_path / "a.tgz"
    compressor = zlib.compressobj(wbits=31)
    path.write_bytes(compressor.compress(content) + compressor.flush() if packed else content)
    with pytest.raises(UserError, match=r"^the archive: not the official archive \(.+\); replace it by the original$"):
        for _, stream in members(path, 10**7, "the archive"):
            while stream and stream.read(100):
                pass


def test_a_full_disk_is_no_damage():
    with pytest.raises(OSError), damage_explained("a", "not the archive", "replace it"):
        raise OSError(28, "No space left on device")


# ----- what is no plain file


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))


READERS: dict[str, Callable[[Path], object]] = {
    "weights": load_network,
    "checkpoint": read_checkpoint,
    "caffemodel": read_layers,
    "matconvnet": read_convolutions,
    "matlab": lambda path: read_variable(path, "x"),
    "torchvision": read_state,
    "image": read_image,
    "archive": lambda path: list(members(path, 100, "a")),
    "json": read_json,
    "csv": lambda path: csv_tables.read(path, ("a",), "again"),
    "hash": sha256_file,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("make", [fifo, device, listening])
def test_what_is_no_plain_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, make: Callable[[Path], None]
):
    monkeypatch.chdir(tmp_path)
    make(path := tmp_path / "a")
    with pytest.raises(UserError, match=f"^{path}: a (FIFO|device|socket), expected a plain file"):
        READERS[reader](path)


def test_a_rater_who_sends_a_fifo(tmp_path: Path):
    fifo(tmp_path / "a.json")
    with pytest.raises(ratings.Refused, match="not a plain file"):
        ratings._bytes(tmp_path / "a.json")


def test_a_mask_that_is_a_fifo(tmp_path: Path):
    fifo(tmp_path / "m.png")
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="m.png: the mask is missing"):
        read_mask_of(Example("a", tmp_path / "a.png", tmp_path / "m.png", None), 2)


# ----- weights of another network


def test_published_weights_of_another_network(tmp_path: Path):
    """A file of DnCNN where one of FFDNet is named."""
    with h5py.File(tmp_path / "gray.mat", "w") as file:
        kind = file.create_dataset("kind", data=np.array([[ord(letter)] for letter in "conv"], np.uint16))
        cells = []
        for number, shape in enumerate(((4, 1, 3, 3), (4, 4, 3, 3), (4, 3, 3))):
            pair = [file.create_dataset(f"w{number}{part}", data=np.ones(shape)) for part in "ab"]
            group = file.create_group(f"cell{number}")
            group["type"] = kind
            group["weights"] = np.array([one.ref for one in pair], h5py.ref_dtype)
            cells.append(group.ref)
        file["net/layers"] = np.array(cells, h5py.ref_dtype)
    row = f"id,path,sha256\ngray,gray.mat,{sha256_file(tmp_path / 'gray.mat')}\n"
    (tmp_path / "index.csv").write_text(row)
    network = {"name": "ffdnet", "channels": 3, "depth": 3, "width": 4}
    entry = {"network": network, "published": {"model": "gray"}, "sigma_range": [0, 75]}
    with pytest.raises(UserError, match="gray.mat: not an FFDNet, its weights are .*; correct `weights`"):
        import_family("ffdnet_color", entry, tmp_path, tmp_path)


# ----- memory


TEXTS = ("CUDA out of memory. Tried to allocate 2 GiB", "std::bad_alloc", "can't start new thread")


@pytest.mark.parametrize("error", [MemoryError(), *map(RuntimeError, TEXTS)])
def test_lack_of_memory_is_one_line_with_a_remedy(error: Exception, capsys: pytest.CaptureFixture[str]):
    def main() -> None:
        raise error

    assert out_of_memory(error)
    with pytest.raises(SystemExit) as ended:
        run_cli(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: not enough memory; run fewer jobs at once")
    with pytest.raises(UserError, match="^image 3: not enough memory; halve it$"), during("image 3", "halve it"):
        main()
    with pytest.raises(UserError, match="not enough memory"), enough_memory("b", "c"), damage_explained("p", "no", "r"):
        main()


def test_where_an_error_came_from_is_said_behind_it():
    with pytest.raises(UserError, match=r"^a.png: damaged; delete it \[image 3\]$"), during("image 3", "halve it"):
        raise UserError("a.png: damaged; delete it")
