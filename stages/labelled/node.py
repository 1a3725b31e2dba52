"""One node of the stage: the index of a labelled data set, and its images where they are made here."""

import sys
from pathlib import Path

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_index, write_unavailable
from redenoise.data.labelled import CLASSES, COLUMNS
from redenoise.data.png import png_bytes
from redenoise.support.errors import Unavailable
from redenoise.support.files import renewed, sha256_bytes, write_json
from redenoise.support.progress import progress
from stages.labelled import public, textures


def run(config: Config, key: str) -> None:
    """Make build/<scale>/labelled/<key>/ anew: index.csv, classes.json, and the images of a stand-in.

    The index has one row per image: id, path and mask (relative to the root of the project), label (a class index,
    empty for segmentation), split, SHA-256 of the image (empty for the whole ImageNet, whose archives are checked).
    A set that no source can deliver never fails a run: its index has no rows and unavailable.txt says why.

    Raises:
        UserError: an archive is not the official one, or what was unpacked from it is not whole, or the disk is full.
            The former folder then stays.
    """
    folder = paths.labelled(config.scale, key)
    make = _real if config.settings["real_data"] else _made
    with (
        provenance.recorded(config, "labelled", key) as record,
        renewed(folder) as new,
    ):
        try:
            rows, classes = make(config, key, new)
        except Unavailable as error:
            print(f"warning: labelled {key}: skipped: {error}", file=sys.stderr, flush=True)
            rows, classes = [], []
            record["unavailable"] = str(error)
            write_unavailable(new, str(error))
        record["items"] = len(rows)
        write_index(new, COLUMNS, rows)
        write_json(new / CLASSES, classes)
    print(f"labelled {key}: {len(rows)} images", file=sys.stderr, flush=True)


def _real(config: Config, key: str, folder: Path) -> tuple[list[dict], list[str]]:
    """Rows and names of the classes of real data, which stay in data/."""
    # Here: torchvision takes seconds to load, and stand-ins do not need it.
    from stages.labelled import imagenet, voc

    entry = config.entry("labelled", key)
    if entry["source"] in public.SOURCES:
        return public.SOURCES[entry["source"]](entry["split"], folder, paths.labelled(config.scale, key))
    examples = {"imagenet": imagenet.examples, "voc": voc.examples}[entry["source"]]
    return examples(entry["split"], config.settings["labelled_downloads"])


def _made(config: Config, key: str, folder: Path) -> tuple[list[dict], list[str]]:
    """Write the stand-in's images and masks into `folder`; returns its rows and the names of its classes."""
    entry, settings = config.entry("labelled", key), config.settings["labelled"]
    if entry["source"] in public.SOURCES:
        raise Unavailable(f"{entry['title']}: no photographs with labels at scale {config.scale}")
    count = settings["train" if entry["split"].startswith("train") else "test"]
    segmentation = entry["task"] == "segmentation"
    final = paths.labelled(config.scale, key)
    for part in ("images", "masks") if segmentation else ("images",):
        (folder / part).mkdir()
    rows = []
    made = textures.scenes(key, count, settings["size"], several=segmentation)
    for number, scene in enumerate(progress(made, count, f"labelled {key}")):
        name = f"{number:05d}"
        data = png_bytes(scene.image)
        (folder / f"images/{name}.png").write_bytes(data)
        row = {"id": name, "path": final / f"images/{name}.png", "split": entry["split"], "sha256": sha256_bytes(data)}
        if segmentation:
            (folder / f"masks/{name}.png").write_bytes(png_bytes(scene.mask))
            rows.append(row | {"mask": final / f"masks/{name}.png", "label": ""})
        else:
            rows.append(row | {"mask": "", "label": scene.labels[0]})
    return rows, (["background"] if segmentation else []) + list(textures.CLASSES)
