"""How many shards the nodes that measure are cut into, for jobs of about `shard_minutes` of the scale's file.

The number follows from committed files and the configuration alone, and is the same in every process of a run: what a
node takes by workflow/costs.csv or reports/benchmark/, divided by `shard_minutes`; one where nobody has measured. These
files change when a run's own costs are recorded, and Snakemake makes a node again whose inputs are others than before:
so the number with which a node was recorded stays its number until `shard_minutes` changes or its row is deleted.
"""

import math
from collections.abc import Iterable
from functools import cached_property
from statistics import fmean
from typing import Any

from redenoise.commands.cluster.resources import load_cluster, requests
from redenoise.commands.plan import costs
from redenoise.dag import paths
from redenoise.dag.config import SCALES, Config, read_yaml
from redenoise.dag.table import MEASURING, OF_SETS
from redenoise.support.errors import UserError

IMAGENET_IMAGES = 50_000  # of its validation set
VOC_IMAGES = paths.MANIFESTS / "lists/voc2012_val.txt"
# A classical denoiser's time goes with the pixels. Those of an image of the sets that it is recorded on, and those of
# one of the tasks' images, as `redenoise benchmark cascades` takes them.
RECORDED_PIXELS = {"kodak": 768 * 512, "cbsd68": 481 * 321}
TASK_PIXELS = {"classification": 224 * 224, "segmentation": 500 * 375}
# Seconds below which a node had nothing to work on: costs that come from a report do not say so.
LEAST = 1.0
# Of a scale: what has to be the same for the costs of one to serve for another.
SAME = ("real_data", "images", "labelled", "miniature")


class Scatter:
    """The numbers of shards of one configuration.

    Attributes:
        minutes: that a shard should take; None where no node is cut.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.minutes: float | None = config.settings["shard_minutes"]

    def count(self, stage: str, key: str) -> int:
        """The number of shards of a node; 1 where it is not cut, or nobody knows what it takes."""
        if self.minutes is None:
            return 1
        row = self._table.get((self.config.scale, stage, key))
        if row and row.shards and row.shard_minutes == self.minutes:
            return row.shards
        seconds, pieces = self.seconds(stage, key), self._pieces(stage, key)
        if seconds is None or pieces is None:
            return 1
        return max(1, min(math.ceil(seconds / 60 / self.minutes), pieces))

    def markers(self, stage: str, key: str) -> list[str]:
        """What the shards of a node leave behind; none for a node that is not cut."""
        count = self.count(stage, key)
        shards = range(1, count + 1) if count > 1 else ()
        return [paths.shard(self.config.scale, stage, key, number, count).as_posix() for number in shards]

    def seconds(self, stage: str, key: str) -> float | None:
        """What a whole node takes: recorded, else by the rates of benchmarks and of other nodes, else None."""
        recorded = self._recorded(stage, key)
        if recorded is not None or stage not in ("recognize", "recognize_filtered"):
            return recorded
        images = self._images(stage, key)
        each = self._recognised(stage, key)
        return None if images is None or each is None else images * self._levels(stage, key) * each

    def jobs(self, names: Iterable[str]) -> dict[str, dict[str, int]]:
        """Of the nodes with these names, by stage: how many are cut and into how many shards, and of how many nobody
        knows what they take. Empty where no node is cut.
        """
        chosen, found = set(names), {}
        for stage in MEASURING if self.minutes is not None else ():
            keys = [key for key in self.config.keys(stage) if f"{stage}-{key}" in chosen]
            cut = [count for key in keys if (count := self.count(stage, key)) > 1]
            unknown = sum(self.seconds(stage, key) is None for key in keys)
            if keys:
                found[stage] = {"nodes": len(cut), "jobs": sum(cut), "unknown": unknown}
        return found

    @cached_property
    def _table(self) -> costs.Table:
        return costs.read_table()

    @cached_property
    def _scales(self) -> list[str]:
        """This scale, and the others on which a node does the same work."""
        own = self.config.settings
        others = {path.stem: read_yaml(path) for path in sorted(SCALES.glob("*.yaml"))}
        alike = [name for name, other in others.items() if all(other.get(part) == own[part] for part in SAME)]
        return [self.config.scale, *(name for name in alike if name != self.config.scale)]

    def _recorded(self, stage: str, key: str) -> float | None:
        rows = (self._table.get((scale, stage, key)) for scale in self._scales)
        known = (row.seconds for row in rows if row and row.seconds is not None and not row.idle)
        return next((seconds for seconds in known if seconds >= LEAST), None)

    def _recognised(self, stage: str, key: str) -> float | None:
        """Seconds for one image of a task.

        The benchmark's denoiser is the proposed one. For others and for none it is the nearest that is known: one shard
        too many costs a start, and one too few the run time of a job.
        """
        entry = self.config.entry(stage, key)
        network = self._network_seconds(entry["task"], stage)
        name = entry.get("filter")
        if name in (None, "noisy"):
            return network
        pixel = self._filter_seconds(name)
        return None if pixel is None else pixel * TASK_PIXELS.get(entry["task"], 0) + (network or 0.0)

    def _network_seconds(self, task: str, stage: str) -> float | None:
        if not self.config.settings["real_data"] or self.config.settings["miniature"]:
            return None
        kinds = ("cuda", "cpu") if stage in self._on_gpu else ("cpu",)
        for kind in kinds:
            for record in self._benchmarks:
                rate = record.get("found", {}).get(task, {}).get("recognition")
                if rate and record["machine"].get("kind") == kind:
                    return 1 / rate["images_per_second"]
        return None

    def _filter_seconds(self, name: str) -> float | None:
        """Seconds that a classical denoiser takes for a pixel of a colour image."""
        found = []
        for key, entry in self.config.params["filters"].items():
            pixels, seconds = RECORDED_PIXELS.get(entry["dataset"]), self._recorded("filter", key)
            images = self._images("filter", key)
            if entry["filter"] == name and pixels and seconds and images and self.config.settings["real_data"]:
                found.append(seconds / (images * self._levels("filter", key) * pixels))
        return fmean(found) if found else None

    @cached_property
    def _benchmarks(self) -> list[dict[str, Any]]:
        return costs.benchmarks()

    @cached_property
    def _on_gpu(self) -> set[str]:
        """Stages whose jobs get a GPU here."""
        return {request.stage for request in requests(load_cluster(), self.config.scale) if request.gpus}

    def _pieces(self, stage: str, key: str) -> int | None:
        """Into how many shards a node can be cut at most."""
        images = self._images(stage, key)
        if images is None:
            return None
        whole = images if stage in OF_SETS else math.ceil(images / self.config.settings["part"])
        return whole * self._levels(stage, key)

    def _levels(self, stage: str, key: str) -> int:
        entry = self.config.entry(stage, key)
        if entry.get("clean"):
            return 1
        if stage == "restore":
            return len(entry.get("levels") or self.config.entry("degrade", entry["degraded"])["levels"])
        if stage in OF_SETS:
            return len(entry.get("sigmas") or self.config.entry("synthesize", entry["dataset"])["sigmas"])
        return len(entry.get("sigmas") or self.config.entry("task", entry["task"])["sigmas"])

    def _images(self, stage: str, key: str) -> int | None:
        """Images of the set that a node measures; None for one of which no committed file tells."""
        entry, config = self.config.entry(stage, key), self.config.settings
        if stage in OF_SETS:
            subset = paths.MANIFESTS / "subsets" / f"{self.config.dataset(entry)}.csv"
            return _lines(subset, 1) if config["real_data"] else config["images"]["test"]
        if not config["real_data"]:
            filtered = entry.get("filter") not in (None, "noisy")
            return config["labelled"]["filtered" if filtered else "test"]
        source: Any = self.config.entry("labelled", entry["data"])["source"]
        return {"imagenet": IMAGENET_IMAGES, "voc": _lines(VOC_IMAGES, 0)}.get(source)


def _lines(path: paths.Path, heading: int) -> int | None:
    """Lines of a committed list below its heading; None if there is no such list."""
    try:
        return len(path.read_text(encoding="utf-8").splitlines()) - heading
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: damaged ({error}); restore it with git") from None
