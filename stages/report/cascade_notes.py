"""Tables of the notes on denoisers that were trained through the network of a task."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from redenoise.document.model import ASIDE, Block, Cell, Paragraph, Table, table
from stages.report.results import Score
from stages.report.rows import Comparison, Context
from stages.report.shown import METRIC_NAMES, number

DATASET, SIGMA, METRIC = "ILSVRC2012", 45, "top1"  # where the weights of the reconstruction error are compared
CASCADES = "cascades/"  # before the name of a cascade in the `denoiser` of a recognition
WEIGHT_COLUMNS = ("range", "weight in that range", "weight in [0, 1]", "λ_P", "λ_H")


def cascades(context: Context) -> Table:
    """The losses of all cascades, as params.yaml defines them."""
    rows = []
    for key in context.config.keys("cascade"):
        entry = context.config.entry("cascade", key)
        levels = ", ".join(f"{sigma:g}" for sigma in entry["sigmas"])
        rows.append((Cell(key, node=f"cascade-{key}"), entry["task"], levels, *_weights(entry), entry["schedule"]))
    return table(("cascade", "task", "σ", *WEIGHT_COLUMNS, "schedule"), rows, numbers=WEIGHT_COLUMNS)


def reconstruction(comparisons: list[Comparison], context: Context) -> Block:
    """Every joint training of one task at one noise level: its loss, its accuracy and its PSNR."""
    rows = []
    for one in trainings(DATASET, METRIC, context):
        low, value, high = (number(part, METRIC) for part in (one.score.low, one.score.value, one.score.high))
        rows.append((one.method, one.cascade, *one.weights, f"{value} [{low}, {high}]", number(one.psnr, "psnr")))
    if not rows:
        return Paragraph("None of them was measured at this scale.", ASIDE)
    columns = ("method", "cascade", *WEIGHT_COLUMNS[2:], METRIC_NAMES[METRIC], "PSNR")
    return table(columns, rows, numbers=columns[2:])


class Training(NamedTuple):
    """A joint training that was tested at `SIGMA`; `weights` are the last three of `WEIGHT_COLUMNS`."""

    method: str
    cascade: str
    weights: tuple[str, ...]
    control: bool
    score: Score
    psnr: float


def trainings(dataset: str, metric: str, context: Context) -> Iterator[Training]:
    """Every joint training that was tested on a set, by its printed title; one for another task too."""
    for (title, method), node in context.recognized.nodes.items():
        scores = context.recognized.scores.get((title, method, f"sigma={SIGMA}"), {})
        denoiser = context.config.entry(*node).get("denoiser", "")
        if title == dataset and denoiser.startswith(CASCADES) and metric in scores:
            cascade = denoiser.removeprefix(CASCADES)
            entry = context.config.entry("cascade", cascade)
            control = not (entry["perceptual"] or entry["high_level"])
            yield Training(method, cascade, _weights(entry)[2:], control, scores[metric], scores["psnr"].value)


def _weights(entry: dict[str, Any]) -> tuple[str, ...]:
    """`WEIGHT_COLUMNS` of one cascade."""
    whole = entry["reconstruction"] * entry["range"] ** 2
    numbers = (entry["reconstruction"], whole, entry["perceptual"], entry["high_level"])
    return f"[0, {entry['range']}]", *(f"{value:.6g}" for value in numbers)
