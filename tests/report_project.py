"""A scratch project with hand-made results of every node, for the tests of the report."""

import csv
import io
import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from redenoise.dag import options, paths
from redenoise.dag.config import ROOT, Config
from stages.architecture import node as architecture
from stages.report import gallery, recognized, results
from stages.report.tables import SET_SIZES

# Measured minus printed.
COLOR = {"CBM3D": 0.3, "DnCNN": 0.004, "CDnCNN-B": -0.25, "FFDNet": -0.003, "Proposed": -0.3}
GRAY = {"BM3D": -0.15, "DnCNN-S": 0.004, "DnCNN-B": -0.004, "DnCNN-3": 0.004}
NO_IMAGES = "the images are not here | 100 %"
PNG = b"\x89PNG\r\n\x1a\n"  # the report copies figures without decoding them
RESULT_HEADER = "dataset,item,condition,method,metric,unit,value"


def configuration(scale: str) -> Config:
    """The project's own configuration at one scale."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings = yaml.safe_load((ROOT / f"workflow/scales/{scale}.yaml").read_text(encoding="utf-8"))
    return Config(scale, {**params, "scale": scale}, settings)


@lru_cache
def printed_values(dataset: str) -> dict[tuple[str, str, str, str], float]:
    """(item, condition, method, metric) to the printed value, over all tables of one set; a design is a method."""
    values = {}
    for path in sorted((ROOT / "published").glob("*_*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            design = row["table"] == "table1_architecture"
            item, method = ("average", f"Proposed {row['item']}") if design else (row["item"], row["method"])
            if row["dataset"] == dataset:
                values[item, row["condition"], method, row["metric"]] = float(row["value"])
    return values


def printed_counts() -> dict[str, int]:
    """Family to the printed number of parameters of its design."""
    with (ROOT / "published/liu2020_tip.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "params"]
    counts = {row["item"]: int(row["value"]) for row in rows if row["table"] == "table1_architecture"}
    return {"proposed" if item == "s3_skip_e128_d256" else item: count for item, count in counts.items()}


def conditions(config: Config, stage_name: str, entry: dict) -> list[str]:
    """What a node that measures a test set measures it under."""
    if stage_name != "restore":
        levels = entry.get("sigmas") or config.entry("synthesize", entry["dataset"])["sigmas"]
        return [f"sigma={level}" for level in levels]
    source = config.entry("degrade", entry["degraded"])
    return [f"{options.parameter(source['degradation'])}={level}" for level in entry.get("levels", source["levels"])]


def fake_rows(config: Config, key: str) -> list[str]:
    """Results of one node: for every image the printed value (of the image, else the average) plus a fixed shift."""
    stage_name = next(stage for stage, name in results.nodes(config) if name == key)
    entry = config.entry(stage_name, key)
    title = results.title(config, stage_name, key)
    printed, shift = printed_values(title), (COLOR | GRAY).get(entry["method"], -0.01)
    items = [f"stand-in{number}" for number in range(6)]
    if config.settings["real_data"]:
        items = list(dict.fromkeys(item for item, *_ in printed if item not in ("average", "")))
        items = items or [f"test{number:03}" for number in range(1, SET_SIZES.get(title, 68) + 1)]
    rows = []
    for condition in conditions(config, stage_name, entry):
        for item in items:
            level = int(condition.partition("=")[2])
            base = 30.0 - level / 10
            for name in (entry["method"], "DnCNN"):
                for place in ((item, condition, name, "psnr"), ("average", condition, name, "psnr")):
                    base = printed.get(place, base) if base == 30.0 - level / 10 else base
            mark = "" if config.settings["real_data"] else "demo:"
            head = f"{mark}{title},{item},{condition},{entry['method']}"
            ssim = printed.get(("average", condition, entry["method"], "ssim"), 0.85)
            rows += [f"{head},psnr,dB,{base + shift:.6f}", f"{head},ssim,,{ssim + shift / 100:.6f}"]
    return rows


def make_project(folder: Path, scale: str) -> Config:
    """Printed cells, results and provenance of every node at one scale, in the working directory `folder`."""
    config = configuration(scale)
    shutil.copytree(ROOT / "published", folder / "published", dirs_exist_ok=True)
    for _, key in results.nodes(config):
        write_results(config, key, fake_rows(config, key))
    write_counts(config, printed_counts())
    for stage_name, key in config.nodes():
        write_record(config, stage_name, key)
    for stage_name, key in recognized.nodes(config):
        write_recognition(config, stage_name, key, {} if config.settings["real_data"] else demo_outcomes(config, key))
    write_figures(config)
    return config


def demo_outcomes(config: Config, key: str) -> dict[str, np.ndarray]:
    """Outcomes of a node of a task on 40 stand-ins: the later it stands in params.yaml, the more it recognizes."""
    nodes = recognized.nodes(config)
    place = [found for _, found in nodes].index(key)
    entry = config.entry(*nodes[place])
    conditions = ["clean"] if entry.get("clean") else [f"sigma={level}" for level in (15, 30, 45, 60)]
    found = ranks(place, 40, place + 5) if entry["task"] == "classification" else overlaps(2.0 * place, 40)
    return dict.fromkeys(conditions, found)


def ranks(hits: int, images: int, top5: int) -> np.ndarray:
    """uint16 (images,): rank 0 for the first `hits`, 4 up to the first `top5`, 9 for the others."""
    found = np.full(images, 9, np.uint16)
    found[:top5] = 4
    found[:hits] = 0
    return found


def overlaps(miou: float, images: int, classes: int = 3) -> np.ndarray:
    """int64 (images, classes, 3): about `miou` % of mean intersection over union, a little else from image to image."""
    found = np.full((images, classes, 3), 1000, np.int64)
    found[..., 0] = 2000 * miou / (100 + miou) + 30 * np.sin(np.arange(images * classes)).reshape(images, classes)
    found[..., 0] = found[..., 0].clip(0, 1000)
    return found


def write_recognition(config: Config, stage_name: str, key: str, arrays: dict[str, np.ndarray], **more: Any) -> None:
    """Results, outcomes and provenance of one node of a task; without arrays, it measured nothing."""
    entry, mark = config.entry(stage_name, key), "" if config.settings["real_data"] else "demo:"
    stream = io.StringIO()
    for condition, found in arrays.items():
        head = (f"{mark}{recognized.title(config, stage_name, key)}", "average", condition, entry["method"])
        values = scores(found) | ({} if condition == "clean" else {"psnr": 28.5})
        rows = [(*head, metric, recognized.UNITS[metric], f"{value:.6f}") for metric, value in values.items()]
        csv.writer(stream, lineterminator="\n").writerows(rows)
    write_results(config, key, stream.getvalue().splitlines())
    path = paths.outcomes(config.scale, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    write_record(config, stage_name, key, **({} if arrays else {"unavailable": NO_IMAGES}) | more)


def scores(found: np.ndarray) -> dict[str, float]:
    """What the results of one condition say besides the PSNR; every interval reaches one point to both sides."""
    if found.ndim == 1:
        values = {"top1": 100 * float((found == 0).mean()), "top5": 100 * float((found < 5).mean())}
    else:
        both, predicted, true = found.sum(axis=0).T
        values = {"miou": 100 * float((both / (predicted + true - both)).mean())}
    for metric, value in list(values.items()):
        values |= {f"{metric}_low": max(0.0, value - 1), f"{metric}_high": min(100.0, value + 1)}
    return values | {"images": len(found)}


def write_figures(config: Config) -> None:
    """What the stage `illustrate` leaves, the last figure without its images."""
    folder = paths.figures(config.scale)
    folder.mkdir(parents=True, exist_ok=True)
    captions = {name: {"title": f"Title of {name}", "caption": f"Caption of {name}."} for name in gallery.MADE}
    captions[gallery.MADE[-1]]["unavailable"] = NO_IMAGES
    (folder / gallery.CAPTIONS).write_text(json.dumps(captions), encoding="utf-8")
    for name in gallery.MADE:
        (folder / name).write_bytes(PNG + name.encode())


def write_counts(config: Config, counts: dict[str, int]) -> None:
    """Results of the node that counts parameters: of families as given, of variants as they are."""
    rows = [(key, "params", count) for key, count in counts.items()]
    rows += [
        (name, metric, count) for name, metric, count in architecture.counts(architecture.made(config)) if "/" in name
    ]
    write_results(config, "architecture", [f",{name},,Proposed,{metric},count,{count}" for name, metric, count in rows])


def card(steps_done: int = 40000, schedule: str = "modern", **more: Any) -> dict[str, Any]:
    """How a network was trained, as the stage `train` records it; the curve has a point without validation."""
    curve = [[100, 0.002, 24.12341, None], [200, 8e-8, 26.0, 30.25], [steps_done, 0.0, 27.0, 30.5]]
    found = {"origin": "trained", "schedule": schedule, "steps": 40000, "steps_done": steps_done, "mode": "fast"}
    return found | {"seed": 0, "hours": 1.25, "restarts": [], "device": "a GPU", "curve": curve} | more


def write_results(config: Config, key: str, rows: list[str]) -> None:
    path = paths.results(config.scale, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([RESULT_HEADER, *rows]) + "\n", encoding="utf-8")


def write_record(config: Config, stage_name: str, key: str | None, **more: Any) -> None:
    record = {"stage": stage_name, "key": key, "seconds": 1.5, "commit": "0123456789abcdef", "python": "3.11.0"}
    record |= {"uncommitted_changes": False, "device": "a processor", "mode": "reference", "packages": {"numpy": "2.0"}}
    record |= {"params": {}, "inputs": {}, "sources": {}}
    record["outputs"] = {f"build/{config.scale}/{stage_name}/{key}": "ab" * 32}
    path = paths.provenance(config.scale, stage_name, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record | more), encoding="utf-8")


def table_rows(config: Config, key: str) -> dict[tuple[str, ...], dict[str, str]]:
    """The CSV of one table by (dataset, item, condition, method, metric)."""
    with (paths.reports(config.scale) / f"{key}.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = {tuple(row[name] for name in ("dataset", "item", "condition", "method", "metric")): row for row in rows}
    assert len(found) == len(rows), "a key occurs twice"
    return found


def page(config: Config, name: str) -> str:
    return (paths.reports(config.scale) / name).read_text(encoding="utf-8")
