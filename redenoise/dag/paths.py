"""Where every node of the DAG puts its outputs. All paths are relative to the root of the project."""

from pathlib import Path

STORE = Path("data")  # Files as their sources ship them, shared by all scales.
BUILD = Path("build")  # all that the stages make, by scale
MANIFESTS = Path("workflow/manifests")
PUBLISHED = Path("published")
WEIGHTS = Path("weights")  # what this project trained and released
RELEASED = "released"  # the node of those weights, beside the downloads


def build(scale: str) -> Path:
    """Everything that the stages build at one scale."""
    return BUILD / scale


def data(scale: str, key: str) -> Path:
    """Output folder of one `download` node: the files and `index.csv`."""
    return build(scale) / "data" / key


def checked(scale: str, pair: str) -> Path:
    """That the leakage check of a pair has passed: a constant text, for which trainings and evaluations wait."""
    return build(scale) / "leakage" / f"{pair}.txt"


def no_weights(scale: str) -> Path:
    """What a training of a task starts from that has random weights: a constant text."""
    return build(scale) / "no_weights.txt"


def noisy(scale: str, key: str) -> Path:
    """Output folder of one `synthesize` node: `sigma<level>/<image>.npy` and `index.csv`."""
    return build(scale) / "noisy" / key


def degraded(scale: str, key: str) -> Path:
    """Output folder of one `degrade` node: `<parameter><level>/<image>.npy`, `reference/...`, and `index.csv`."""
    return build(scale) / "degraded" / key


def weights(scale: str, family: str) -> Path:
    """Output folder of one `train` node: `<model>.safetensors`."""
    return build(scale) / "weights" / family


def labelled(scale: str, key: str) -> Path:
    """Output folder of one `labelled` node: an index of images with labels or masks, and the names of the classes."""
    return build(scale) / "labelled" / key


def task(scale: str, key: str) -> Path:
    """Output folder of one `task` node: `model.safetensors`."""
    return build(scale) / "tasks" / key


def cascade(scale: str, key: str) -> Path:
    """Output folder of one `cascade` node: `<model>.safetensors`, as of a `train` node."""
    return build(scale) / "cascades" / key


def outcomes(scale: str, key: str) -> Path:
    """Output of one `recognition` node besides its results: what became of every single image."""
    return build(scale) / "outcomes" / f"{key}.npz"


def parts(scale: str, key: str) -> Path:
    """Finished parts of one `recognition` node, kept outside the declared outputs like `items`."""
    return build(scale) / "parts" / key


def figures(scale: str) -> Path:
    """Output folder of the `illustrate` node."""
    return build(scale) / "figures"


def results(scale: str, key: str) -> Path:
    """Output of one node that measures, such as `evaluate`: long-format CSV."""
    return build(scale) / "results" / f"{key}.csv"


def provenance(scale: str, stage: str, key: str | None = None) -> Path:
    """Where a node records what it was made from."""
    return build(scale) / "provenance" / (f"{stage}-{key}.json" if key else f"{stage}.json")


def items(scale: str, key: str) -> Path:
    """Denoised images of one run, kept outside the declared outputs so that no engine deletes them."""
    return build(scale) / "items" / key


def shard(scale: str, stage: str, key: str, number: int, count: int) -> Path:
    """Marker of one of `count` shards of a node: that it has ended, and what it did."""
    return build(scale) / "shards" / f"{stage}-{key}" / f"{number}-of-{count}.json"


def checkpoints(scale: str, name: str) -> Path:
    """Checkpoints of one training, kept outside the declared outputs like `items`."""
    return build(scale) / "checkpoints" / name


def lock(scale: str, name: str) -> Path:
    """Held by the process that is at work on a node or a model; see `redenoise.support.locks`."""
    return build(scale) / ".locks" / f"{name}.lock"


def pages_lock(scale: str) -> tuple[Path, str]:
    """The lock of what is made from the reports of one scale, that of the stage `report` itself, and what it is of."""
    return lock(scale, "report"), f"reports of scale {scale}"


def shared_lock(name: str) -> Path:
    """As `lock`, of files that all scales share."""
    return STORE / ".locks" / f"{name}.lock"


def reports(scale: str) -> Path:
    """Committed reports of one scale."""
    return Path("reports") / scale
