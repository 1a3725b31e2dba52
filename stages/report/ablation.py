"""Figure 2 of Zhang et al. 2017: residual learning and batch normalisation while DnCNN trains, by two optimisers."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from matplotlib import style
from matplotlib.figure import Figure

from redenoise.dag.config import Config
from redenoise.dag.levels import varied
from redenoise.support.numbers import fixed, number
from stages.report.drawing import LOOK, empty, look, validated
from stages.report.weights import Records, cards

COLUMNS = ("optimizer", "residual", "batch_norm", "step", "psnr", "note")
FAMILIES = {"dncnn_sgd": "SGD", "dncnn_adam": "Adam"}


def rows(config: Config, records: Records) -> Iterator[tuple[str, ...]]:
    """Validations of every network by `COLUMNS`, dB with four decimals; one line with a note for a network without."""
    for family in [name for name in FAMILIES if name in config.keys("train")]:
        optimizer = FAMILIES[family]
        found = cards(config, records, family)
        missing = records.get(f"train-{family}", {}).get("unavailable", "not trained or imported yet")
        for model, changed in varied(config.entry("train", family)).items():
            head = (optimizer, *("yes" if changed[option] else "no" for option in ("residual", "batch_norm")))
            curve = found.get(model, {}).get("curve", [])
            points = [(str(step), fixed(psnr, 4), "") for step, *_, psnr in curve if psnr is not None]
            for point in points or [("", "", missing)]:
                yield *head, *point


@style.context(LOOK)
def curves(config: Config, found: Iterable[dict[str, str]]) -> Figure:
    """PSNR against the step, a panel for each optimiser; a line's id is its label."""
    found = list(found)
    trained = [row for row in found if row["psnr"]]
    if not trained:
        return empty(f"Not run: {next((row['note'] for row in found if row['note']), 'there are no such networks')}.")
    panels = list(dict.fromkeys(row["optimizer"] for row in trained))
    labels = list(dict.fromkeys(map(_label, trained)))
    figure = Figure(figsize=(3.6 * len(panels) + 2.4, 3.2), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, optimizer in zip(axes, panels, strict=True):
        own = (row for row in trained if row["optimizer"] == optimizer)
        for label, line in groupby(own, _label):
            points = [(number(row["step"]), number(row["psnr"])) for row in line]
            axis.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=3,
                label=label,
                gid=label,
                **look(labels.index(label)),
            )
        axis.set_title(optimizer, fontsize="medium")
        axis.set_xlabel("step of the training")
    axes[0].set_ylabel(validated(config, FAMILIES))
    lines = {line.get_label(): line for axis in axes for line in axis.lines}
    figure.legend(
        handles=[lines[label] for label in labels], loc="outside right upper", frameon=False, fontsize="small"
    )
    return figure


def _label(row: dict[str, str]) -> str:
    formulation = "residual" if row["residual"] == "yes" else "direct"
    return f"{formulation}, {'with' if row['batch_norm'] == 'yes' else 'no'} batch norm."
