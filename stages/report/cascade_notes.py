"""Tables of the notes on denoisers that were trained through the network of a task."""

from typing import Any

from redenoise.document.model import ASIDE, Block, Cell, Paragraph, Table, table
from stages.report.rows import Comparison, Context
from stages.report.shown import METRIC_NAMES, number

TASK, SIGMA, METRIC = "classification", 45, "top1"  # where the weights of the reconstruction error are compared
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
    config, rows = context.config, []
    for (title, method), node in context.recognized.nodes.items():
        entry = config.entry(*node)
        scores = context.recognized.scores.get((title, method, f"sigma={SIGMA}"), {})
        joint = entry["task"] == TASK and entry.get("denoiser", "").startswith(CASCADES)
        if joint and METRIC in scores:
            cascade, score = entry["denoiser"].removeprefix(CASCADES), scores[METRIC]
            low, value, high = (number(part, METRIC) for part in (score.low, score.value, score.high))
            weights = _weights(config.entry("cascade", cascade))[2:]
            rows.append((method, cascade, *weights, f"{value} [{low}, {high}]", number(scores["psnr"].value, "psnr")))
    if not rows:
        return Paragraph("None of them was measured at this scale.", ASIDE)
    columns = ("method", "cascade", *WEIGHT_COLUMNS[2:], METRIC_NAMES[METRIC], "PSNR")
    return table(columns, rows, numbers=columns[2:])


def _weights(entry: dict[str, Any]) -> tuple[str, ...]:
    """`WEIGHT_COLUMNS` of one cascade."""
    whole = entry["reconstruction"] * entry["range"] ** 2
    numbers = (entry["reconstruction"], whole, entry["perceptual"], entry["high_level"])
    return f"[0, {entry['range']}]", *(f"{value:.6g}" for value in numbers)
