"""Weight files of Caffe: what is read from them, and every way in which a file can be another."""

import re

import numpy as np
import pytest

from redenoise.models import caffemodel
from redenoise.models.caffemodel import read_layers
from redenoise.support.errors import UserError
from tests.caffe_files import Layers, some, write_caffemodel

LAYERS: Layers = [("conv1", "Convolution", [some(4, 3, 3, 3), some(4)]), ("fc", "InnerProduct", [some(2, 5), some(2)])]


@pytest.mark.parametrize("double", [False, True])
def test_layers_are_read_in_order_with_types_and_shapes(tmp_path, double):
    layers = [LAYERS[0], ("relu1", "ReLU", []), LAYERS[1]]
    found = read_layers(write_caffemodel(tmp_path / "a.caffemodel", layers, double=double))
    assert list(found) == ["conv1", "fc"] and [layer.type for layer in found.values()] == [
        "Convolution",
        "InnerProduct",
    ]
    for name, _, arrays in LAYERS:
        for array, expected in zip(found[name].blobs, arrays, strict=True):
            assert array.dtype == np.float32 and np.array_equal(array, expected)


def test_the_older_layout_has_four_axes(tmp_path):
    found = read_layers(write_caffemodel(tmp_path / "a.caffemodel", [*LAYERS, ("relu", "ReLU", [])], old=True))
    assert [layer.type for layer in found.values()] == ["Convolution", "InnerProduct"]
    assert [array.shape for array in found["fc"].blobs] == [(1, 1, 2, 5), (1, 1, 1, 2)]
    assert np.array_equal(found["fc"].blobs[0].reshape(2, 5), LAYERS[1][2][0])
    assert np.array_equal(found["conv1"].blobs[0], LAYERS[0][2][0])


def test_a_list_that_comes_in_parts_is_put_together(tmp_path):
    """Protocol Buffers allow it: a message that is given twice is the two merged."""
    path = write_caffemodel(tmp_path / "a.caffemodel", LAYERS)
    values = path.read_bytes().index(LAYERS[0][2][1].tobytes())
    blob = bytes([0x2A, 16]) + LAYERS[0][2][1].tobytes()  # field 5, 4 floats
    halves = b"".join(bytes([0x2A, 8]) + LAYERS[0][2][1][start : start + 2].tobytes() for start in (0, 2))
    assert path.read_bytes()[values - 2 : values + 16] == blob
    parts = caffemodel._NET.FromString(path.read_bytes()).layer[0].blobs[1].__class__.FromString(halves)
    assert b"".join(parts.data) == LAYERS[0][2][1].tobytes()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda data: data[: len(data) // 2], "not a .caffemodel file, or a damaged one"),
        (lambda data: data[:-1], "not a .caffemodel file, or a damaged one"),
        (lambda data: b"", "no layers with weights"),
        (lambda data: b"<html>not here</html>" * 9, "not a .caffemodel file, or a damaged one"),
        (lambda data: np.random.default_rng(1).bytes(4000), "a.caffemodel: "),
        (lambda data: b"\x89HDF\r\n\x1a\n" + b"\0" * 90, "a.caffemodel: "),
        (lambda data: data + data, "two layers with weights have the same name"),
    ],
)
def test_other_files_are_one_line(tmp_path, damage, found):
    path = write_caffemodel(tmp_path / "a.caffemodel", LAYERS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=f"a.caffemodel: .*{re.escape(found.removeprefix('a.caffemodel: '))}"):
        read_layers(path)


@pytest.mark.parametrize("cut", range(1, 330, 7))
def test_no_cut_gives_other_layers_than_were_written(tmp_path, cut):
    path = write_caffemodel(tmp_path / "a.caffemodel", LAYERS)
    path.write_bytes(path.read_bytes()[:cut])
    try:
        assert list(read_layers(path)) == ["conv1"]  # a cut between two layers cannot be seen here
    except UserError as error:
        assert "\n" not in str(error)


def test_shapes_must_hold_the_values(tmp_path):
    path = write_caffemodel(tmp_path / "a.caffemodel", LAYERS, packed=False)
    with pytest.raises(UserError, match=r"layer 'conv1' has 0 values for the shape \[4, 3, 3, 3\]"):
        read_layers(path)


def test_missing_and_huge_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="a.caffemodel: not found"):
        read_layers(tmp_path / "a.caffemodel")
    write_caffemodel(tmp_path / "a.caffemodel", LAYERS)
    monkeypatch.setattr(caffemodel, "MAX_BYTES", 100)
    with pytest.raises(UserError, match="a.caffemodel: .* bytes, expected at most 100"):
        read_layers(tmp_path / "a.caffemodel")
