"""On what ground a measured value stands beside print: whose weights or whose code. It decides what a difference means.

Weights of another training than the paper's, or of one that nobody here knows, neither reproduce a cell nor fail to:
such a cell is an own training, and counted apart.
"""

from typing import Any

from redenoise.dag.config import Config
from stages.report.results import is_noise, level_of
from stages.report.weights import Records, cards, measured_by, of_others

WEIGHTS = "published weights"
SCHEDULE = "published schedule"  # trained here, all steps of the paper's own schedule
TRAINING = "own schedule"  # trained here, otherwise
IMPORTED = "imported"  # by `redenoise import`, from whoever trained them in whatever way
IMPLEMENTATION = "own implementation"  # of a filter, or of EPLL, whose prior is fitted here to the end
COUNT = "count"  # of parameters or pixels
TIME = "time"  # of another machine
GROUNDS = (WEIGHTS, SCHEDULE, TRAINING, IMPORTED, IMPLEMENTATION, COUNT, TIME)
NO_VERDICT = (TRAINING, IMPORTED)


def ground(config: Config, records: Records, title: str, method: str, condition: str) -> str:
    """That of a method of the results on a set, by its printed title; empty where no node measures it.

    Args:
        condition: such as `sigma=25`; at another noise level other weights may stand behind the method.
    """
    found = (entry for entry in measured_by(config, title, method) if _covers(entry, condition))
    return next((_of_entry(config, records, entry, condition) for entry in found), "")


def _covers(entry: dict[str, Any], condition: str) -> bool:
    if "degraded" in entry or is_noise(condition):
        return level_of(condition) in entry.get("sigmas", entry.get("levels", [level_of(condition)]))
    return True


def _of_entry(config: Config, records: Records, entry: dict[str, Any], condition: str) -> str:
    if "filter" in entry:
        return IMPLEMENTATION
    folder, _, name = entry.get("denoiser", f"weights/{entry.get('family')}").partition("/")
    stage = "cascade" if folder == "cascades" else "train"
    found = cards(config, records, name, stage)
    card = found.get(condition.replace("=", ""), found.get("model"))
    made = config.entry(stage, name)
    if card is None:
        return ""
    if of_others(card):
        return IMPORTED if made.get("fitted") else WEIGHTS  # else converted from a file of the paper's authors
    if "schedule" not in card:  # as they were fetched
        return WEIGHTS
    if made.get("fitted"):
        return IMPLEMENTATION
    steps = config.params["schedules"][made["schedule"]]["steps"]
    return SCHEDULE if (card["schedule"], card["steps_done"]) == (made["schedule"], steps) else TRAINING
