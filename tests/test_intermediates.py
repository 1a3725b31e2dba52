"""Outputs of one node that are not as it has recorded them are refused by every node that reads them."""

from pathlib import Path

import pytest

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.evaluate.node import run as evaluate
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.training_project import options, small_demo

KEY = "set12-dncnn_s"
WEIGHTS = paths.weights("demo", "dncnn_s")
NOISY = paths.noisy("demo", "set12")


@pytest.fixture
def config(project: Path) -> Config:
    """A project whose evaluation `KEY` can run."""
    found = small_demo()
    synthesize(found, "set12")
    train(found, "dncnn_s", options())
    return found


def flip(path: Path, place: int = -1) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damaged", "folder", "node", "todo"),
    [
        (WEIGHTS / "sigma25.safetensors", WEIGHTS, "train dncnn_s", "stages.train --scale demo --only dncnn_s"),
        (WEIGHTS / "sigma25.curve.csv", WEIGHTS, "train dncnn_s", "stages.train --scale demo --only dncnn_s"),
        (NOISY / "sigma25/image0.npy", NOISY, "synthesize set12", "stages.synthesize --scale demo --only set12"),
    ],
)
def test_one_flipped_bit_is_refused_until_the_node_is_made_again(
    config: Config, damaged: Path, folder: Path, node: str, todo: str
):
    evaluate(config, KEY)
    result = paths.results("demo", KEY)
    before = result.read_bytes()
    recorded = provenance.read(paths.provenance("demo", *node.split()))["outputs"][folder.as_posix()]
    flip(damaged)
    with pytest.raises(UserError) as caught:
        evaluate(config, KEY)
    start = f"{folder}: changed since `{node}` wrote it (SHA-256 "
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(f", recorded {recorded[:12]}…); delete it and run `python -m {todo}` again")
    assert result.read_bytes() == before
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    with pytest.raises(UserError, match=rf"^{folder}: this input is missing; run `python -m {todo}` first$"):
        evaluate(config, KEY)
    synthesize(config, "set12") if folder == NOISY else train(config, "dncnn_s", options())
    evaluate(config, KEY)
    assert result.read_bytes() == before


def test_without_a_record_nobody_knows_better(config: Config):
    flip(WEIGHTS / "sigma25.curve.csv")
    paths.provenance("demo", "train", "dncnn_s").unlink()
    evaluate(config, KEY)


def test_a_record_that_is_damaged_is_named(config: Config):
    record = paths.provenance("demo", "train", "dncnn_s")
    record.write_text(record.read_text().replace('"outputs": {', '"outputs": [], "others": {'))
    with pytest.raises(UserError, match=rf"^{record}: damaged, expected a provenance record; delete it"):
        evaluate(config, KEY)


def test_what_was_made_again_is_accepted(config: Config):
    evaluate(config, KEY)
    changed = small_demo(steps=5)
    train(changed, "dncnn_s", options())
    evaluate(changed, KEY)
    weights = provenance.read(paths.provenance("demo", "evaluate", KEY))["inputs"][WEIGHTS.as_posix()]
    assert weights == provenance.read(paths.provenance("demo", "train", "dncnn_s"))["outputs"][WEIGHTS.as_posix()]
