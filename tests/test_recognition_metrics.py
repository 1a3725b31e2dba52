"""Top-k, mean intersection over union and their intervals, against scikit-learn and by hand."""

import numpy as np
import pytest

from redenoise.recognition.metrics import bootstrap_iou, mean_iou, overlaps, ranks, top_k, wilson

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: metrics not compared")


def drawn(seed: int, count: int = 500, classes: int = 12) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, classes)).astype(np.float32), random.integers(0, classes, count)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("seed", range(3))
def test_top_k_agrees_with_scikit_learn(seed: int, k: int):
    scores, labels = drawn(seed)
    expected = 100 * sklearn_metrics.top_k_accuracy_score(labels, scores, k=k, labels=np.arange(12))
    assert top_k(ranks(scores, labels), k) == pytest.approx(expected, abs=1e-6)


def test_among_equal_scores_the_lower_class_comes_first():
    scores = np.zeros((3, 4))
    assert ranks(scores, np.array([0, 1, 3])).tolist() == [0, 1, 3]


@pytest.mark.parametrize("seed", range(3))
def test_mean_iou_agrees_with_scikit_learn(seed: int):
    random = np.random.default_rng(seed)
    masks, found = random.integers(0, 6, (2, 5, 20, 30))
    masks[random.random(masks.shape) < 0.1] = 255
    counts = np.stack([overlaps(a, b, 6) for a, b in zip(found, masks, strict=True)])
    counted = masks != 255
    expected = sklearn_metrics.jaccard_score(masks[counted], found[counted], average="macro")
    assert float(mean_iou(counts.sum(axis=0))) == pytest.approx(100 * expected, abs=1e-6)


def test_overlaps_by_hand_and_classes_that_do_not_occur():
    mask = np.array([[0, 0, 1], [1, 255, 255]])
    found = np.array([[0, 1, 1], [0, 2, 1]])
    counts = overlaps(found, mask, 4)
    assert counts.tolist() == [[1, 2, 2], [1, 2, 2], [0, 0, 0], [0, 0, 0]]
    assert float(mean_iou(counts)) == pytest.approx(100 / 3)  # two classes of 1/3 each; the others do not occur
    assert mean_iou(np.stack([counts, counts])).shape == (2,)


def test_wilson_against_printed_values():
    # Newcombe, Statistics in Medicine 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, count, low, high in (
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0, 16.11),
        (1, 29, 0.61, 17.18),
    ):
        assert wilson(hits, count) == pytest.approx((low, high), abs=0.005)
    assert wilson(20, 20)[1] == 100.0


def test_the_bootstrap_is_repeatable_and_about_as_wide_as_theory_says():
    random = np.random.default_rng(0)
    hits = random.random(400) < 0.7  # one pixel per image: the mean IoU of one class is a share of images
    counts = np.zeros((400, 1, 3), np.int64)
    counts[:, 0, 0], counts[:, 0, 1], counts[:, 0, 2] = hits, 1, 1
    low, high = bootstrap_iou(counts, 0)
    assert (low, high) == bootstrap_iou(counts, 0)
    share = hits.mean()
    iou = 100 * share / (2 - share)
    slope = 2 / (2 - share) ** 2
    half = 100 * 1.96 * slope * np.sqrt(share * (1 - share) / 400)
    assert low < iou < high
    assert (high - low) / 2 == pytest.approx(half, rel=0.15)
