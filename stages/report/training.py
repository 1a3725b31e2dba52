"""The training page and the learning curves: every network that this project trained, here or for a release."""

from collections import defaultdict

import pandas as pd

from redenoise.dag.config import Config
from redenoise.dag.references import model_names
from stages.report.layout import NOTHING, number
from stages.report.markdown import GENERATED, frame_table
from stages.report.rows import Context
from stages.report.tables import DESIGN_TABLES
from stages.report.weights import Network, Records, cards, of_task, trained

CURVE_COLUMNS = ["family", "model", "step", "learning_rate", "training_psnr", "validation_psnr"]
NETWORK_COLUMNS = ["family", "model", "weights", "schedule", "steps done", "of", "mode", "restarts", "last validation"]
JOINTLY = (
    "`cascade` names an entry of `cascades` in `params.yaml`, with the weights of its loss; each begins with the "
    "network of the same noise level that was trained alone."
)
DEMO_WARNING = "Demo scale: miniature networks, trained for seconds on stand-in images."


def render(context: Context) -> str:
    """The page as Markdown; two runs on one machine give the same bytes, so no hours and no devices."""
    config, records = context.config, context.records
    parts = [f"# Training, scale `{config.scale}`", GENERATED]
    if context.demo:
        parts.append(f"> **{DEMO_WARNING}**")
    parts.append(
        "Every network that was trained at this scale, or that this project trained and released. `last validation` is "
        "the last PSNR in dB on the validation images while it trained: on centre crops, with noise of its own, so it "
        "is not the PSNR of a table. A restart is where a training did not go on from a checkpoint of its own. Devices "
        "and hours are in [provenance.md](provenance.md)."
    )
    rows = [_row(network) for network in trained(config, records)]
    table = pd.DataFrame(rows, columns=NETWORK_COLUMNS)
    parts += ["## Networks", frame_table(table, numbers=("steps done", "of", "last validation"))]
    joint = [_row(network) for network in trained(config, records, "cascade")]
    parts += ["## Denoisers trained through the network of a task", JOINTLY]
    columns = ["cascade", *NETWORK_COLUMNS[1:]]
    parts.append(frame_table(pd.DataFrame(joint, columns=columns), numbers=("steps done", "of", "last validation")))
    tasks = [(task, of_task(config, records, task)) for task in config.keys("task")]
    parts += ["## Networks of the tasks", frame_table(pd.DataFrame(tasks, columns=["task", "network"]))]
    others = pd.DataFrame(_others(context), columns=["family", "models", "origin, or why there is none"])
    parts += ["## Networks that this project did not train", frame_table(others)]
    parts += ["## Learning curves", "The values are in [learning_curves.csv](learning_curves.csv)."]
    parts.append("![Validation PSNR against the step of the training](figures/learning_curves.svg)")
    key = DESIGN_TABLES[0].key
    parts += ["## Parameters and PSNR", f"The values are in [{key}]({key}.md)."]
    parts.append("![PSNR against the number of parameters](figures/parameters_psnr.svg)")
    return "\n\n".join(parts) + "\n"


def curves_frame(config: Config, records: Records) -> pd.DataFrame:
    """The learning curves: `CURVE_COLUMNS`, all strings; dB with four decimals, empty where there was no validation."""
    rows = []
    for network in [*trained(config, records), *trained(config, records, "cascade")]:
        for step, rate, training, validated in network.card["curve"]:
            values = (f"{rate:.9f}", f"{training:.4f}", "" if validated is None else f"{validated:.4f}")
            rows.append((network.family, network.model, str(step), *values))
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def _row(network: Network) -> tuple[str, ...]:
    card = network.card
    origin = "released" if network.released else "trained"
    steps = (f"{card['steps_done']:,}", f"{card['steps']:,}")
    restarts = "; ".join(card["restarts"]) or NOTHING
    last = number(network.last_validation, "psnr")
    return network.family, network.model, origin, card["schedule"], *steps, card["mode"], restarts, last


def _others(context: Context) -> list[tuple[str, str, str]]:
    """Networks that this project did not train: those of the authors, and those without weights, with the reason."""
    config, records, rows = context.config, context.records, []
    for family in config.keys("train"):
        found, groups = cards(config, records, family), defaultdict(list)
        for model in model_names(config.entry("train", family)):
            if "schedule" not in found.get(model, {}):
                text = found[model]["origin"] if model in found else _why_none(context, family, model)
                groups[text].append(model)
        rows += [(family, ", ".join(models), text) for text, models in groups.items()]
    return rows


def _why_none(context: Context, family: str, model: str) -> str:
    """Why a network has no weights, as its own node or one that would evaluate it says."""
    config, records = context.config, context.records
    reasons = [records[f"train-{family}"].get("unavailable")]
    for key in config.keys("evaluate"):
        if config.entry("evaluate", key)["family"] == family:
            levels = records[f"evaluate-{key}"].get("unavailable_levels", {})
            reasons.append(levels.get(model.replace("sigma", "sigma=")))
    return next(filter(None, reasons), NOTHING)
