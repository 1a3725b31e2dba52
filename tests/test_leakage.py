"""The leakage check finds what it claims to find, and nothing else."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.dag import graph, paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index
from redenoise.data.images import write_png
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file
from stages.leakage.node import NO_LEAKAGE, Fingerprint, find_leaks
from stages.leakage.node import run as check


@pytest.fixture
def photographs() -> list[np.ndarray]:
    """Smooth random images: their neighbouring pixels are related, as in photographs."""
    draw = np.random.default_rng(0)
    small = draw.integers(0, 256, (6, 12, 12), dtype=np.uint8)
    return [np.asarray(Image.fromarray(image).resize((96, 64), Image.Resampling.BICUBIC)) for image in small]


def matches(test: np.ndarray, train: list[np.ndarray]) -> list[tuple[str, str, str]]:
    named = {f"train{index}": Fingerprint.of(image) for index, image in enumerate(train)}
    return find_leaks({"test": Fingerprint.of(test)}, named)


def test_unrelated_images_do_not_match(photographs):
    assert matches(photographs[0], photographs[1:]) == []


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_turned_and_flipped_copies_are_found(photographs, turns, flip):
    copy = np.rot90(photographs[0], turns)
    copy = np.ascontiguousarray(copy[:, ::-1] if flip else copy)
    assert matches(photographs[0], [*photographs[1:], copy]) == [("test", "train5", "the same pixels")]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_recompressed_and_rescaled_copies_are_found(photographs, scale):
    image = Image.fromarray(photographs[0])
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=50)
    found = matches(photographs[0], [*photographs[1:], np.asarray(Image.open(stream))])
    assert [(test, train) for test, train, _ in found] == [("test", "train5")]
    assert "bits differ" in found[0][2]


@pytest.mark.parametrize("pair", [(0, 255), (0, 0), (128, 130), (255, 255)])
def test_plain_images_are_no_copies_of_each_other(pair: tuple[int, int]):
    assert matches(*(np.full((64, 64), pair[0], np.uint8), [np.full((64, 64), pair[1], np.uint8)])) == []


def test_images_with_little_in_them_match_by_their_pixels_alone():
    """Gradients, and stars on black, have the hashes of others of their kind."""
    ramps = [np.tile(np.linspace(low, high, 96).astype(np.uint8), (64, 1)) for low, high in ((0, 255), (40, 200))]
    draw, stars = np.random.default_rng(0), []
    for _ in range(2):
        stars.append(np.zeros((64, 96), np.uint8))
        stars[-1][draw.integers(0, 64, 6), draw.integers(0, 96, 6)] = 255
    for first, second in (ramps, stars):
        assert matches(first, [second]) == []
        assert matches(first, [second, first[::-1].copy()]) == [("test", "train1", "the same pixels")]


def test_empty_sets_match_nothing():
    assert find_leaks({}, {}) == []


@pytest.fixture
def leaking(project: Path, photographs) -> Config:
    """The data of one pair of sets, where a turned test image is in the training set; no other set is there."""
    for key, images in {"set12": photographs[:2], "train400": [*photographs[2:], np.rot90(photographs[1])]}.items():
        rows = []
        for index, image in enumerate(images):
            path = paths.data("demo", key) / f"{key}_{index}.png"
            write_png(path, np.ascontiguousarray(image))
            rows.append({"id": path.stem, "path": path.name, "sha256": sha256_file(path)})
        write_index(paths.data("demo", key), ("id", "path", "sha256"), rows)
    return load_config("demo")


def test_an_evaluation_needs_the_check_of_its_own_two_sets_alone(project: Path):
    found = graph.load(load_config("bench"))

    def needed(name: str) -> set[str]:
        makers = set(filter(None, map(found.maker, found.by_name[name].inputs)))
        return makers.union(*map(needed, makers))

    data = {"download-set12", "download-train400", "download-dncnn_weights", "synthesize-set12"}
    assert needed("evaluate-set12-dncnn_s") == {*data, "train-dncnn_s", "leakage-set12-train400"}
    checks = {f"leakage-{key}" for key in load_config("bench").keys("leakage")}
    assert checks <= set(found.upstream["report"])


def test_leak_fails_the_run_with_both_names(leaking):
    with pytest.raises(UserError, match=r"set12/set12_1 is in train400 as train400_4 \(the same pixels\)"):
        check(leaking, "set12-train400")
    assert not paths.checked("demo", "set12-train400").exists()


def test_declared_overlap_is_counted_and_not_refused(leaking):
    leaking.params["downloads"]["set12"] = {**leaking.params["downloads"]["set12"], "overlaps": ["train400"]}
    check(leaking, "set12-train400")
    record = json.loads(paths.provenance("demo", "leakage", "set12-train400").read_text())
    assert record["compared"] == {"set12": 2, "train400": 5}
    assert record["matches"] == {"count": 1, "names": ["set12_1"]}
    assert paths.checked("demo", "set12-train400").read_text() == NO_LEAKAGE
