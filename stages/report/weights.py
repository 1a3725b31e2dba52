"""Which weights stand behind the numbers, and how they were made: from the provenance of the stages that train."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from redenoise.dag.config import Config
from redenoise.dag.levels import model_names
from redenoise.dag.table import MEASURING
from stages.report.results import title

PUBLISHED = "published weights"
IMPORTED = "imported, training unknown"
Records = dict[str, dict[str, Any]]  # provenance by node, `<stage>-<key>`


@dataclass(frozen=True)
class Network:
    """One network that this project trained; `card` says how, see `describe` in stages/train/family.py.

    `family` is the name of its cascade if it was trained in one.
    """

    family: str
    model: str
    card: dict[str, Any]

    @property
    def released(self) -> bool:
        """Whether it comes from the folder of released weights, and was not trained at this scale."""
        return "sha256" in self.card

    @property
    def imported(self) -> bool:
        """Whether its weights come from elsewhere, without a word on their training."""
        return of_others(self.card)

    @property
    def last_validation(self) -> float | None:
        """The last PSNR in dB on the validation images, or None if there was no validation."""
        found = [validated for *_, validated in self.card["curve"] if validated is not None]
        return found[-1] if found else None


def trained(config: Config, records: Records, stage: str = "train") -> list[Network]:
    """Every trained or released network of the stage train or cascade, in the order of params.yaml.

    Those of the papers' authors are left out.
    """
    return [
        Network(key, model, card)
        for key in config.keys(stage)
        for model, card in cards(config, records, key, stage).items()
        if "schedule" in card
    ]


def cards(config: Config, records: Records, key: str, stage: str = "train") -> dict[str, dict[str, Any]]:
    """How each network of a family or a cascade came to be, by its name; those without weights left out."""
    found = records.get(f"{stage}-{key}", {}).get("models", {})
    return {model: found[model] for model in model_names(config.entry(stage, key)) if model in found}


def card_at(config: Config, records: Records, family: str, sigma: int) -> dict[str, Any] | None:
    """The card of the network that serves one noise level, or None if there are no weights for it."""
    if family not in config.keys("train"):
        return None
    found = cards(config, records, family)
    return found.get(f"sigma{sigma}", found.get("model"))


def of_others(card: dict[str, Any]) -> bool:
    """Whether a card is of weights that were converted from a file of others."""
    return "source" in card


def describe(config: Config, card: dict[str, Any]) -> str:
    """How one network was made, in words.

    A released card may be of other steps than its schedule has; those of a scale's own training are the scale's.
    """
    if "schedule" not in card:
        return PUBLISHED
    if of_others(card):
        return IMPORTED
    steps = f"{card['steps_done']:,} of {card['steps']:,} steps"
    listed = config.params["schedules"].get(card["schedule"], card)["steps"]
    if "sha256" in card and card["steps"] != listed:
        steps += f" ({listed:,} in params.yaml)"
    return "; ".join([f"schedule {card['schedule']}, {steps}, mode {card['mode']}", *card["restarts"]])


def measured_by(config: Config, shown: str, method: str) -> list[dict[str, Any]]:
    """Entries of params.yaml that measure a method of the results on a set, by its printed title."""
    places = [(stage, key) for stage in MEASURING for key in config.keys(stage)]
    entries = [(config.entry(*place), title(config, *place)) for place in places]
    return [entry for entry, name in entries if (name, entry["method"]) == (shown, method)]


def behind(config: Config, records: Records, dataset: str, method: str) -> str:
    """How the weights of a measured method were made; empty for a method without weights.

    Levels are named where they differ in this, or where some have no weights: `sigma 35: schedule modern, ...`; so are
    families, where the method has several on the set that differ.
    """
    families = [entry["family"] for entry in measured_by(config, dataset, method) if "family" in entry]
    texts = {family: text for family in families if (text := _family_text(config, records, family))}
    if len(set(texts.values())) > 1:
        return "; ".join(f"{family}: {text}" for family, text in texts.items())
    return next(iter(texts.values()), "")


def before_task(config: Config, records: Records, entry: dict[str, Any]) -> str:
    """How the weights of the denoiser before a task were made; empty for a method without weights."""
    folder, _, name = entry.get("denoiser", "").partition("/")
    if folder == "weights":
        return _family_text(config, records, name)
    if folder == "cascades":
        return _text(config, cards(config, records, name, "cascade"), len(model_names(config.entry("cascade", name))))
    return ""


def of_task(config: Config, records: Records, task: str) -> str:
    """The frozen network of a task in words: its name and where it comes from, or why it is not there."""
    record, name = records.get(f"task-{task}", {}), config.entry("task", task)["network"]["name"]
    card = record.get("card")
    if card is None:
        return f"`{name}`, not there: {record.get('unavailable', 'its node says nothing of it')}"
    started = f", begun with {card['start']}" if card.get("start") else ""
    return f"`{name}`, {card['origin']}{started}"


def _family_text(config: Config, records: Records, family: str) -> str:
    return _text(config, cards(config, records, family), len(model_names(config.entry("train", family))))


def _text(config: Config, found: dict[str, dict[str, Any]], whole: int) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for model, card in found.items():
        groups[describe(config, card)].append(model)
    parts = [text if len(models) == whole else f"{_levels(models)}: {text}" for text, models in groups.items()]
    return "; ".join(parts)


def _levels(models: list[str]) -> str:
    """The levels that models are named by: `sigma 25, 35`."""
    parameter = models[0].rstrip("0123456789")
    return f"{parameter} {', '.join(model.removeprefix(parameter) for model in models)}"
