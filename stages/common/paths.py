"""Where every node of the DAG puts its outputs. All paths are relative to the root of the project."""

from pathlib import Path

STORE = Path("data")  # Files as their sources ship them, shared by all scales.
MANIFESTS = Path("workflow/manifests")
PUBLISHED = Path("published")
WEIGHTS = Path("weights")  # what this project trained and released
RELEASED = "released"  # the node of those weights, beside the downloads


def build(scale: str) -> Path:
    """Everything that the stages build at one scale."""
    return Path("build") / scale


def data(scale: str, key: str) -> Path:
    """Output folder of one `download` node: the files and `index.csv`."""
    return build(scale) / "data" / key


def leakage(scale: str) -> Path:
    """Output of the leakage check: which pairs of sets were compared, and that nothing was found."""
    return build(scale) / "leakage.json"


def noisy(scale: str, key: str) -> Path:
    """Output folder of one `synthesize` node: `sigma<level>/<image>.npy` and `index.csv`."""
    return build(scale) / "noisy" / key


def weights(scale: str, family: str) -> Path:
    """Output folder of one `train` node: `<model>.safetensors`."""
    return build(scale) / "weights" / family


def results(scale: str, key: str) -> Path:
    """Output of one `evaluate` or `baseline` node: long-format CSV, one row per image and metric."""
    return build(scale) / "results" / f"{key}.csv"


def provenance(scale: str, stage: str, key: str | None = None) -> Path:
    """Where a node records what it was made from."""
    return build(scale) / "provenance" / (f"{stage}-{key}.json" if key else f"{stage}.json")


def items(scale: str, key: str) -> Path:
    """Denoised images of one run, kept outside the declared outputs so that no engine deletes them."""
    return build(scale) / "items" / key


def reports(scale: str) -> Path:
    """Committed reports of one scale."""
    return Path("reports") / scale
