"""A scratch project with hand-made results of every node, for the tests of the report."""

import csv
import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from stages.common import paths
from stages.common.config import ROOT, Config
from stages.report import results

# Measured minus printed.
COLOR = {"CBM3D": 0.3, "DnCNN": 0.004, "CDnCNN-B": -0.25, "FFDNet": -0.003, "Proposed": -0.3}
GRAY = {"BM3D": -0.15, "DnCNN-S": 0.004, "DnCNN-B": -0.004, "DnCNN-3": 0.004}
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


def fake_rows(config: Config, key: str) -> list[str]:
    """Results of one node: for every image the printed value (of the image, else the average) plus a fixed shift."""
    stage_name = "evaluate" if key in config.keys("evaluate") else "baseline"
    entry = config.entry(stage_name, key)
    title = results.title(config, stage_name, key)
    printed, shift = printed_values(title), (COLOR | GRAY).get(entry["method"], -0.01)
    items = [f"stand-in{number}" for number in range(6)]
    if config.settings["real_data"]:
        items = list(dict.fromkeys(item for item, *_ in printed if item not in ("average", "")))
        items = items or [f"test{number:03}" for number in range(1, 69)]
    rows = []
    for level in entry.get("sigmas") or config.entry("synthesize", entry["dataset"])["sigmas"]:
        for item in items:
            condition = f"sigma={level}"
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
    return config


def write_counts(config: Config, counts: dict[str, int]) -> None:
    """Results of the node that counts parameters."""
    write_results(config, "architecture", [f",{key},,Proposed,params,count,{count}" for key, count in counts.items()])


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
