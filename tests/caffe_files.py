"""Writes .caffemodel files for the tests, with a message definition of its own: floats as floats, as Caffe has them."""

from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Layers = list[tuple[str, str, list[np.ndarray]]]  # name, type, arrays
OLD_NUMBERS = {"Convolution": 4, "InnerProduct": 14, "ReLU": 18}

F = descriptor_pb2.FieldDescriptorProto
_DRAW = np.random.default_rng(0)


def some(*shape: int) -> np.ndarray:
    """Random float32 values."""
    return _DRAW.standard_normal(shape).astype(np.float32)


def caffe_net(packed: bool = True):
    """The class NetParameter of a small caffe.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="test_caffe.proto", package="caffe", syntax="proto2")

    def message(name: str, *fields: tuple) -> None:
        described = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            added = described.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                added.type, added.type_name = F.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                added.type = kind
                if repeated and kind in (F.TYPE_FLOAT, F.TYPE_DOUBLE, F.TYPE_INT64):
                    added.options.packed = packed

    message("BlobShape", ("dim", 1, F.TYPE_INT64, True))
    old = [(name, number, F.TYPE_INT32, False) for number, name in enumerate(("num", "channels", "height", "width"), 1)]
    arrays = [(name, number, kind, True) for name, number, kind in (
        ("data", 5, F.TYPE_FLOAT), ("diff", 6, F.TYPE_FLOAT), ("double_data", 8, F.TYPE_DOUBLE),
    )]  # fmt: skip
    message("BlobProto", *old, *arrays, ("shape", 7, "BlobShape", False))
    message(
        "LayerParameter", ("name", 1, F.TYPE_STRING, False), ("type", 2, F.TYPE_STRING, False),
        ("bottom", 3, F.TYPE_STRING, True), ("top", 4, F.TYPE_STRING, True), ("blobs", 7, "BlobProto", True),
    )  # fmt: skip
    message(
        "V1LayerParameter", ("bottom", 2, F.TYPE_STRING, True), ("name", 4, F.TYPE_STRING, False),
        ("type", 5, F.TYPE_INT32, False), ("blobs", 6, "BlobProto", True),
    )  # fmt: skip
    message(
        "NetParameter", ("name", 1, F.TYPE_STRING, False), ("layers", 2, "V1LayerParameter", True),
        ("layer", 100, "LayerParameter", True),
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))


def write_caffemodel(path: Path, layers: Layers, old: bool = False, double: bool = False, packed: bool = True) -> Path:
    """Write layers as Caffe does, in the older layout (types by number, four axes) if `old`."""
    net = caffe_net(packed)(name="test")
    for name, kind, arrays in layers:
        layer = net.layers.add() if old else net.layer.add()
        layer.name, layer.type = name, OLD_NUMBERS[kind] if old else kind
        layer.bottom.append("data")
        for array in arrays:
            blob = layer.blobs.add()
            (blob.double_data if double else blob.data).extend(array.ravel().tolist())
            blob.diff.extend([0.0] * 3)
            if old:
                sides = (1,) * (4 - array.ndim) + array.shape
                blob.num, blob.channels, blob.height, blob.width = sides
            else:
                blob.shape.dim.extend(array.shape)
    path.write_bytes(net.SerializeToString())
    return path
