"""A grid that is several times as large: every node of params.yaml copied, with copies that refer to each other."""

from typing import Any

from stages.common.config import STAGE_SECTION

# Fields of an entry that name other nodes, by section.
REFERENCES = {
    "downloads": ("overlaps",),
    "families": ("data", "validation", "weights"),
    "evaluations": ("dataset", "family"),
    "baselines": ("dataset",),
    "tasks": ("data", "start"),
    "cascades": ("task", "data", "initial"),
    "recognitions": ("task", "data", "denoiser"),
    "recognition_baselines": ("task", "data"),
}
SECTIONS = tuple(STAGE_SECTION.values())
LISTING = ("leakage", "report")  # stages of one node that read all nodes of others


def multiplied(params: dict[str, Any], times: int) -> dict[str, Any]:
    """The content of params.yaml with a grid `times` as large; the first copy is the grid itself.

    Every data set, family, evaluation and so on is there `times` times; copy 3 of an evaluation tests copy 3 of a
    family on copy 3 of a data set. What there is one of (leakage, illustrate, report) stays one.
    """
    names = {key for section in SECTIONS for key in params[section]}
    grown = dict(params)
    for section in SECTIONS:
        copies = {}
        for number in range(1, times + 1):
            for key, entry in params[section].items():
                fields = REFERENCES.get(section, ())
                changed = {field: _renamed(entry[field], names, number) for field in fields if field in entry}
                copies[copy_name(key, number)] = {**entry, **changed}
        grown[section] = copies
    return grown


def copy_name(key: str, number: int) -> str:
    """Name of a copy of a node, counted from 1."""
    return key if number == 1 else f"{key}_x{number}"


def _renamed(value: Any, names: set[str], number: int) -> Any:
    """A reference, such as `cascades/segment_2020`, to the copy of the same number; anything else as it is."""
    if isinstance(value, list):
        return [_renamed(item, names, number) for item in value]
    folder, slash, name = value.rpartition("/")
    return f"{folder}{slash}{copy_name(name, number)}" if name in names else value


def multiplied_dvc(description: dict[str, Any], names: set[str], times: int) -> dict[str, Any]:
    """The content of dvc.yaml for such a grid: lists of inputs that name nodes one by one name their copies too.

    Args:
        names: names of all nodes of the grid that is multiplied.
    """
    stages = {}
    for stage, body in description["stages"].items():
        if "foreach" not in body and stage in LISTING:
            deps = [_copied_path(dep, names, number) for number in range(1, times + 1) for dep in body["deps"]]
            body = {**body, "deps": list(dict.fromkeys(deps))}
        stages[stage] = body
    return {**description, "stages": stages}


def _copied_path(path: str, names: set[str], number: int) -> str:
    """A file of a node, such as `build/${scale}/provenance/train-dncnn_s.json`, of the copy of that number."""
    folder, _, file = path.rpartition("/")
    stem, dot, suffix = file.partition(".")
    stage, _, key = stem.partition("-") if folder.endswith("/provenance") else ("", "", stem)
    if not folder.startswith("build/") or key not in names:
        return path
    return f"{folder}/{stage}{'-' if stage else ''}{copy_name(key, number)}{dot}{suffix}"
