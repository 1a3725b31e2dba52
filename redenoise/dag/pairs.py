"""The pairs of a test set and a training set that params.yaml has compared, by the stage `leakage`."""

from itertools import product
from pathlib import Path

from redenoise.support.errors import UserError, choices


def check_pairs(path: Path, params: dict) -> None:
    """Every test set has a pair with every training set, and so has whatever a network is watched or tested on.

    Args:
        path: of the params.yaml that is checked.
        params: its content; families and evaluations name data sets that are there.

    Raises:
        UserError: a pair is missing, is of what is no set of images, or has another name than `<test>-<train>`.
    """
    downloads, pairs, families = params["downloads"], params["pairs"], params["families"].values()
    images = [key for key, entry in downloads.items() if entry["kind"] == "images"]
    for key, pair in pairs.items():
        for side, name in pair.items():
            if name not in images:
                problem = f"'pairs.{key}.{side}' is {name!r}, which is no entry of downloads of kind images"
                raise UserError(f"{path}: {problem}; {choices(name, images)}")
        if key != (name := f"{pair['test']}-{pair['train']}"):
            raise UserError(f"{path}: 'pairs.{key}' is of {pair['test']} and {pair['train']}; call it {name}")
    tests, trainings = ([key for key in images if downloads[key]["role"] == role] for role in ("test", "train"))
    needed = [*product(tests, trainings), *((family["validation"], family["data"]) for family in families)]
    needed += [(run["dataset"], params["families"][run["family"]]["data"]) for run in params["evaluations"].values()]
    for test, train in needed:
        if (name := f"{test}-{train}") not in pairs:
            raise UserError(f"{path}: pairs has no entry {name!r}; add `{name}: {{test: {test}, train: {train}}}`")


def check_pair(path: Path, place: str, entry: dict, dataset: str, family: dict) -> None:
    """Raise `UserError` for an entry whose `pair` is not that of the set that it measures and its family's `data`."""
    if entry["pair"] != (name := f"{dataset}-{family['data']}"):
        line = f"{path}: '{place}.pair' is {entry['pair']!r}, but {entry['family']}, trained on {family['data']}"
        raise UserError(f"{line}, is measured on {dataset}; write {name}")
