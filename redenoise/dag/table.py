"""The stages of the DAG: what each is called, what its nodes depend on, and what they read and write.

This is the only place that says so. The rules of Snakemake, dvc.yaml (which `redenoise dvc` writes), the plan, the
shards and the records of provenance read it. Paths are written as DVC writes them: `${scale}`, `${key}` for the name of
a node, `${item.field}` for a field of its entry and `${section.field}` for one of params.yaml. One that ends in a slash
is a folder.
"""

import re
from dataclasses import dataclass
from typing import Any

FIELD = re.compile(r"\$\{([^}]+)\}")
BUILD = "build/${scale}"
# A text file always holds the same: nodes wait for it and never follow it. The check of a test set against a training
# set leaves one: the two have to be compared before a network is tested, and that changes nothing which is measured.
CONSTANT = ".txt"


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: of its folder in stages/ and of its rule; `python -m stages.<name>` runs it.
        section: of params.yaml, whose entries are its nodes; empty for a stage of one node.
        params: keys of params.yaml that its results depend on besides a node's own entry, dots going down.
        settings: keys of the scale's file likewise.
        reads: files and folders that a node reads. A folder that several nodes write into stands for all they write.
        writes: files and folders that a node writes besides its record.
        models: files of code that an entry names.
        code: files and folders of code or data that no import leads to.
        sharded: whether its nodes can be cut into shards.
        measures: whether its nodes write results of methods.
    """

    name: str
    section: str = ""
    params: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    sharded: bool = False
    measures: bool = False

    @property
    def record(self) -> str:
        """Where a node records what it was made from; the report reads all others and keeps its own beside them."""
        if self.name == "report":
            return f"{BUILD}/report.json"
        return f"{BUILD}/provenance/{self.name}{'-${key}' if self.section else ''}.json"

    @property
    def command(self) -> str:
        """The command line that makes one node."""
        return f"python -m stages.{self.name} --scale ${{scale}}" + (" --only ${key}" if self.section else "")


_OF_DATASET = (f"{BUILD}/noisy/${{item.dataset}}/", f"{BUILD}/data/${{item.dataset}}/")
_OF_TASK = (f"{BUILD}/labelled/${{item.data}}/", f"{BUILD}/tasks/${{item.task}}/")
# Of those, what a node depends on; another task or set of labelled images changes nothing for it.
_TASK_PARAMS = ("tasks.${item.task}", "labelled.${item.data}")
FIGURED_TASKS = {
    **{kind: kind for kind in ("classification", "segmentation")},
    **{"classify_photographs": "classification", "segment_photographs": "segmentation"},
}
_FIGURED = tuple(f"figures.{task}" for task in FIGURED_TASKS)
FIGURED_FAMILIES = ("separate", "blind", "units", "upscaling", "general")
FIGURED_SETS = ("photographs", "real_noise", "real_pairs", "examples")
_RESULTS = f"{BUILD}/results/${{key}}.csv"
_OUTCOMES = f"{BUILD}/outcomes/${{key}}.npz"
_COMMITTED = ("reports/spread/", "reports/benchmark/")  # what commands have measured, and no node measures
_DENOISER = "redenoise/models/denoisers/${item.network.name}.py"
_FILTER = "redenoise/models/filters/${item.filter}.py"
_DEGRADATION = "redenoise/measure/degradations/${item.degradation}.py"

# In the order in which data flow.
STAGES = (
    Stage(
        "download",
        section="downloads",
        params=("unavailable",),
        settings=("real_data", "images", "published_weights"),
        reads=("workflow/manifests/${item.store}.csv", "workflow/manifests/subsets/${key}.csv"),
        writes=(f"{BUILD}/data/${{key}}/",),
    ),
    Stage(
        "leakage",
        section="pairs",
        params=("downloads.${item.test}", "downloads.${item.train}"),
        reads=(f"{BUILD}/data/${{item.test}}/", f"{BUILD}/data/${{item.train}}/"),
        writes=(f"{BUILD}/leakage/${{key}}.txt",),
    ),
    # The text file is the `start` of a task whose training starts from none of them.
    Stage("released", reads=("weights/",), writes=(f"{BUILD}/data/released/", f"{BUILD}/no_weights.txt")),
    Stage(
        "synthesize",
        section="noisy",
        params=("seed",),
        reads=(f"{BUILD}/data/${{key}}/",),
        writes=(f"{BUILD}/noisy/${{key}}/",),
    ),
    Stage(
        "degrade",
        section="degraded",
        params=("seed", "protocols.${item.protocol}"),
        settings=("real_data",),
        reads=(f"{BUILD}/data/${{item.dataset}}/",),
        writes=(f"{BUILD}/degraded/${{key}}/",),
        models=(_DEGRADATION,),
    ),
    Stage(
        "train",
        section="families",
        params=("schedules", "seed"),
        settings=("published_weights", "miniature", "training", "threads"),
        reads=(
            *(f"{BUILD}/data/${{item.{name}}}/" for name in ("data", "validation", "weights")),
            f"{BUILD}/leakage/${{item.validation}}-${{item.data}}.txt",
        ),
        writes=(f"{BUILD}/weights/${{key}}/",),
        models=(_DENOISER, _DEGRADATION),
    ),
    Stage(
        "architecture",
        params=("families", "miniatures"),
        settings=("miniature", "training"),
        writes=(f"{BUILD}/results/architecture.csv",),
        code=("redenoise/models/denoisers",),
    ),
    Stage(
        "evaluate",
        section="evaluations",
        settings=("real_data", "slow", "threads"),
        reads=(
            *_OF_DATASET,
            f"{BUILD}/weights/${{item.family}}/",
            f"{BUILD}/leakage/${{item.pair}}.txt",
        ),
        writes=(_RESULTS,),
        sharded=True,
        measures=True,
    ),
    Stage(
        "filter",
        section="filters",
        params=("unavailable",),
        settings=("real_data", "slow", "threads"),
        reads=_OF_DATASET,
        writes=(_RESULTS,),
        models=(_FILTER,),
        sharded=True,
        measures=True,
    ),
    Stage(
        "restore",
        section="restorations",
        settings=("slow", "threads"),
        reads=(
            f"{BUILD}/degraded/${{item.degraded}}/",
            f"{BUILD}/weights/${{item.family}}/",
            f"{BUILD}/leakage/${{item.pair}}.txt",
        ),
        writes=(_RESULTS,),
        sharded=True,
        measures=True,
    ),
    Stage(
        "labelled",
        section="labelled",
        settings=("real_data", "labelled", "labelled_downloads"),
        reads=("workflow/manifests/lists/",),
        writes=(f"{BUILD}/labelled/${{key}}/",),
    ),
    Stage(
        "task",
        section="tasks",
        params=("schedules", "seed"),
        settings=("real_data", "miniature", "tasks", "threads", "labelled_downloads"),
        reads=(f"{BUILD}/labelled/${{item.data}}/", f"{BUILD}/${{item.start}}"),
        writes=(f"{BUILD}/tasks/${{key}}/",),
        models=("redenoise/models/recognizers/${item.network.name}.py",),
    ),
    Stage(
        "cascade",
        section="cascades",
        params=("schedules", "seed", "tasks.${item.task}"),
        settings=("real_data", "published_weights", "cascades", "threads"),
        reads=(*_OF_TASK, f"{BUILD}/weights/${{item.initial}}/", f"{BUILD}/data/released/"),
        writes=(f"{BUILD}/cascades/${{key}}/",),
    ),
    Stage(
        "recognize",
        section="recognitions",
        params=("seed", *_TASK_PARAMS),
        settings=("real_data", "threads", "part"),
        reads=(*_OF_TASK, f"{BUILD}/${{item.denoiser}}/"),
        writes=(_RESULTS, _OUTCOMES),
        sharded=True,
        measures=True,
    ),
    Stage(
        "recognize_filtered",
        section="filtered_recognitions",
        params=("seed", *_TASK_PARAMS, "unavailable"),
        settings=("real_data", "labelled", "threads", "part"),
        reads=_OF_TASK,
        writes=(_RESULTS, _OUTCOMES),
        models=(_FILTER,),
        sharded=True,
        measures=True,
    ),
    Stage(
        "illustrate",
        params=(
            *("figures", "seed"),
            *(f"tasks.${{{figure}.task}}" for figure in _FIGURED),
            *(f"labelled.${{{figure}.data}}" for figure in _FIGURED),
        ),
        settings=("real_data", "threads"),
        reads=(
            *(f"{BUILD}/labelled/${{{figure}.data}}/" for figure in _FIGURED),
            *(f"{BUILD}/tasks/${{{figure}.task}}/" for figure in _FIGURED),
            *(f"{BUILD}/cascades/${{{figure}.joint}}/" for figure in _FIGURED),
            *(f"{BUILD}/weights/${{figures.{name}}}/" for name in FIGURED_FAMILIES),
            *(f"{BUILD}/data/${{figures.{name}}}/" for name in FIGURED_SETS),
        ),
        writes=(f"{BUILD}/figures/",),
        code=("redenoise/models/filters/bm3d.py",),
    ),
    Stage(
        "report",
        params=(
            *("downloads", "noisy", "families", "evaluations", "filters", "labelled", "tasks", "cascades"),
            *("recognitions", "filtered_recognitions", "degraded", "protocols", "restorations"),
        ),
        settings=("real_data", "budget"),
        reads=(*(f"{BUILD}/{name}/" for name in ("results", "outcomes", "figures", "provenance")), *_COMMITTED),
        writes=("reports/${scale}/",),
        code=("published", "stages/report"),
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}
SECTIONS = {stage.name: stage.section for stage in STAGES if stage.section}
MEASURING = tuple(stage.name for stage in STAGES if stage.measures)
RECOGNIZING = tuple(stage.name for stage in STAGES if _OUTCOMES in stage.writes)  # what becomes of labelled images
OF_SETS = tuple(name for name in MEASURING if name not in RECOGNIZING)  # a test set, image by image


def filled(template: str, context: dict[str, Any]) -> str:
    """A template with its fields looked up in `context`, dots going down; raises KeyError for one that is not there."""

    return FIELD.sub(lambda match: str(looked_up(match[1], context)), template)


def looked_up(path: str, values: dict[str, Any]) -> Any:
    """What stands at a path whose parts are joined by dots; raises KeyError if nothing does."""
    found: Any = values
    for part in path.split("."):
        found = found[part]
    return found
