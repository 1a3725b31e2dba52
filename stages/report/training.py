"""The training page and the learning curves: every network that this project trained, here or for a release."""

from collections import defaultdict
from collections.abc import Iterator

from redenoise.dag.config import Config
from redenoise.dag.levels import model_names
from redenoise.document.model import NOTHING, WARNING, Cell, Document, Paragraph, Picture, Section, Table, table
from stages.report.rows import Context
from stages.report.shown import number
from stages.report.tables import DESIGN_TABLES
from stages.report.weights import IMPORTED, Network, Records, cards, of_task, trained

CURVE_COLUMNS = ["family", "model", "step", "learning_rate", "training_psnr", "validation_psnr"]
NETWORK_COLUMNS = ("model", "weights", "schedule", "steps done", "of", "mode", "restarts", "last validation")
JOINTLY = (
    "`cascade` names an entry of `cascades` in `params.yaml`, with the weights of its loss; each begins with the "
    "network of the same noise level that was trained alone."
)
OPENING = (
    "Every network that was trained at this scale, that this project trained and released, or that was imported. "
    "`last validation` is "
    "the last PSNR in dB on the validation images while it trained: on centre crops, with noise of its own, so it "
    "is not the PSNR of a table. A restart is where a training did not go on from a checkpoint of its own. Devices "
    "and hours are in [provenance.md](provenance.md)."
)
DEMO_WARNING = "Demo scale: miniature networks, trained for seconds on stand-in images."


def document(context: Context) -> Document:
    """The page; two runs on one machine give the same, so no hours and no devices."""
    config, records = context.config, context.records
    warning = (Paragraph(DEMO_WARNING, WARNING),) if context.demo else ()
    tasks = [(Cell(task, node=f"task-{task}"), Cell(of_task(config, records, task))) for task in config.keys("task")]
    key = DESIGN_TABLES[0].key
    curves = Picture("figures/learning_curves.svg", "PSNR against the step of the training")
    designs = Picture("figures/parameters_psnr.svg", "PSNR against the number of parameters")
    sections = (
        Section("", (*warning, Paragraph(OPENING))),
        Section("Networks", (_networks("family", "train", config, records),)),
        Section(
            "Denoisers trained through the network of a task",
            (Paragraph(JOINTLY), _networks("cascade", "cascade", config, records)),
        ),
        Section("Networks of the tasks", (table(("task", "network"), tasks),)),
        Section(
            "Networks that this project did not train",
            (table(("family", "models", "origin, or why there is none"), _others(context)),),
        ),
        Section(
            "Learning curves", (Paragraph("The values are in [learning_curves.csv](learning_curves.csv)."), curves)
        ),
        Section("Parameters and PSNR", (Paragraph(f"The values are in [{key}]({key}.md)."), designs)),
    )
    return Document("training", f"Training, scale `{config.scale}`", sections)


def curves(config: Config, records: Records) -> Iterator[tuple[str, ...]]:
    """The learning curves, by `CURVE_COLUMNS`: dB with four decimals, empty where there was no validation."""
    for network in [*trained(config, records), *trained(config, records, "cascade")]:
        for step, rate, training, validated in network.card["curve"]:
            values = (f"{rate:.9f}", f"{training:.4f}", "" if validated is None else f"{validated:.4f}")
            yield network.family, network.model, str(step), *values


def _networks(first: str, stage: str, config: Config, records: Records) -> Table:
    """A line for each network of all families, or of all cascades."""
    rows = [_row(network, stage) for network in trained(config, records, stage)]
    return table((first, *NETWORK_COLUMNS), rows, numbers=("steps done", "of", "last validation"))


def _row(network: Network, stage: str) -> tuple[Cell | str, ...]:
    card, name = network.card, Cell(network.family, node=f"{stage}-{network.family}")
    if network.imported:
        return name, network.model, IMPORTED, *[NOTHING] * (len(NETWORK_COLUMNS) - 2)
    origin = "released" if network.released else "trained"
    steps, restarts = (f"{card['steps_done']:,}", f"{card['steps']:,}"), "; ".join(card["restarts"]) or NOTHING
    last = number(network.last_validation, "psnr")
    return name, network.model, origin, card["schedule"], *steps, card["mode"], restarts, last


def _others(context: Context) -> Iterator[tuple[Cell, str, str]]:
    """Networks that this project did not train: those of the authors, and those without weights, with the reason."""
    config, records = context.config, context.records
    for family in config.keys("train"):
        found, groups = cards(config, records, family), defaultdict(list)
        for model in model_names(config.entry("train", family)):
            if "schedule" not in found.get(model, {}):
                text = found[model]["origin"] if model in found else _why_none(context, family, model)
                groups[text].append(model)
        for text, models in groups.items():
            yield Cell(family, node=f"train-{family}"), ", ".join(models), text


def _why_none(context: Context, family: str, model: str) -> str:
    """Why a network has no weights, as its own node or one that would evaluate it says."""
    config, records = context.config, context.records
    if f"train-{family}" not in records:
        return "not trained or imported yet"
    reasons = [records[f"train-{family}"].get("unavailable")]
    for key in config.keys("evaluate"):
        if config.entry("evaluate", key)["family"] == family:
            levels = records.get(f"evaluate-{key}", {}).get("unavailable_levels", {})
            reasons.append(levels.get(model.replace("sigma", "sigma=")))
    return next(filter(None, reasons), NOTHING)
