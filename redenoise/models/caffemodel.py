"""Reader of Caffe's binary weight files (.caffemodel), which are Protocol Buffers messages.

Source: the message definition of Caffe (caffe.proto, BVLC), of which only the fields that hold weights are declared
here, by their numbers; all others are skipped. Nothing in a file is executed. Both layouts are read: `layer` with types
in words, and the older `layers` with types by number.

The values of a blob are declared as bytes, not as floats: on the wire a packed list of floats is exactly that, and
numbers by the hundred million need not become Python objects. Caffe itself always writes them packed.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain

MAX_BYTES = 1 << 30  # twice the largest published file here, VGG-16 with 553 MB
# Types by number in the older layout, as far as such layers have weights.
OLD_TYPES = {4: "Convolution", 14: "InnerProduct", 39: "Deconvolution"}
_Field = descriptor_pb2.FieldDescriptorProto
# Fields of each message: name, number, type, message type, repeated.
_MESSAGES = {
    "Net": [("layers", 2, "OldLayer", True), ("layer", 100, "Layer", True)],
    "OldLayer": [("name", 4, "bytes", False), ("type", 5, "int32", False), ("blobs", 6, "Blob", True)],
    "Layer": [("name", 1, "bytes", False), ("type", 2, "bytes", False), ("blobs", 7, "Blob", True)],
    "Blob": [
        ("num", 1, "int32", False),
        ("channels", 2, "int32", False),
        ("height", 3, "int32", False),
        ("width", 4, "int32", False),
        ("data", 5, "bytes", True),
        ("shape", 7, "Shape", False),
        ("double_data", 8, "bytes", True),
    ],
    "Shape": [("dim", 1, "int64", True)],
}
_SCALARS = {"bytes": _Field.TYPE_BYTES, "int32": _Field.TYPE_INT32, "int64": _Field.TYPE_INT64}


class Layer(NamedTuple):
    """A layer of a file: its type in words, such as `Convolution`, and its arrays, float32."""

    type: str
    blobs: list[np.ndarray]


def read_layers(path: Path | str) -> dict[str, Layer]:
    """The layers of a file that have weights, by name, in its order.

    Returns:
        Layers with float32 arrays that must not be written to. Shapes are those of the file: in the older layout every
        array has four axes.

    Raises:
        UserError: the file is missing, larger than `MAX_BYTES`, damaged, or holds no weights.
    """
    path = Path(path)
    plain(path)
    try:
        size = plain(path).stat().st_size
        if size > MAX_BYTES:
            raise UserError(f"{path}: {size} bytes, expected at most {MAX_BYTES}; choose another file")
        with damage_explained(path, "not a .caffemodel file, or a damaged one", "get it again"):
            net = _NET.FromString(path.read_bytes())
            found = [_layer(layer) for layer in [*net.layers, *net.layer] if layer.blobs]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; name an existing .caffemodel file") from None
    layers = dict(found)
    if not layers:
        raise UserError(f"{path}: no layers with weights, expected a .caffemodel file; get it again")
    if len(layers) < len(found):
        raise UserError(f"{path}: two layers with weights have the same name; choose another file")
    return layers


def _layer(layer: Any) -> tuple[str, Layer]:
    """Name and content of a layer of either layout; raises `ValueError` if an array does not fit its shape."""
    name = layer.name.decode(errors="replace")
    kind = layer.type
    words = OLD_TYPES.get(kind, f"type {kind}") if isinstance(kind, int) else kind.decode(errors="replace")
    return name, Layer(words, [_array(name, blob) for blob in layer.blobs])


def _array(name: str, blob: Any) -> np.ndarray:
    parts, kind = (blob.data, "<f4") if blob.data else (blob.double_data, "<f8")
    values = np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), kind).astype(np.float32, copy=False)
    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    count = 1
    for side in shape:
        count *= side
    if min(shape, default=1) < 1 or count != values.size:
        raise ValueError(f"layer {name!r} has {values.size} values for the shape {list(shape)}")
    return values.reshape(shape)


def _net_class() -> type[message.Message]:
    """The class of the outermost message, from `_MESSAGES`."""
    file = descriptor_pb2.FileDescriptorProto(name="redenoise_caffe.proto", package="redenoise", syntax="proto2")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = described.field.add(name=field, number=number, label=label)
            added.type = _SCALARS.get(kind, _Field.TYPE_MESSAGE)
            if kind not in _SCALARS:
                added.type_name = f".redenoise.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("redenoise.Net"))


_NET = _net_class()
