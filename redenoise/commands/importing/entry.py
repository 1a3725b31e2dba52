"""The entry of an imported family in params.yaml: a line that is added, or grows by a noise level; the rest stays."""

import re
from typing import Any

import yaml

from redenoise.dag import options, paths
from redenoise.dag.config import PARAMS
from redenoise.dag.levels import model_names
from redenoise.support.errors import UserError, choices

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")  # as the schema of params.yaml has it


def check_name(name: str) -> None:
    """Raise `UserError` for a name that no family can have, or that a filter has."""
    if not _NAME.fullmatch(name) or yaml.safe_load(name) != name:
        expected = "expected lower-case letters, digits, - and _, beginning with a letter"
        raise UserError(f"--name {name!r}: {expected}; choose another name")
    if name in options.names("filters"):
        raise UserError(f"--name {name!r} is that of a filter; choose another name")


def entry(params: dict[str, Any], name: str, spec: dict[str, Any], levels: dict[str, Any], data: str) -> dict[str, Any]:
    """The entry of a family, grown from the one that is there if there is one.

    Args:
        params: all of params.yaml.
        spec: its network.
        levels: `sigmas` with one level, or `sigma_range`.
        data: what it was trained on, an entry of `downloads`; empty for that of the other families of its kind.

    Raises:
        UserError: a family of this name cannot take the network up, or there is no such data set.
    """
    model = model_names(levels)[0]
    released = f"{name}-{model}"
    if former := params["families"].get(name):
        if not former.get("fitted") or former["weights"] != paths.RELEASED or former["network"] != spec:
            imported = former.get("fitted") and former["weights"] == paths.RELEASED
            back = f", or take that one back with `redenoise import --remove {name}` first" if imported else ""
            line = f"--name {name!r} is a family of params.yaml with another network"
            raise UserError(f"{line}; choose another name{back}")
        if "sigmas" not in levels or "sigmas" not in former or model in former["published"]:
            have = ", ".join(former["published"])
            todo = f"choose another name, or take it back with `redenoise import --remove {name}` first"
            raise UserError(f"--name {name!r}: the family has weights for {have}; {todo}")
        sigmas = sorted([*former["sigmas"], *levels["sigmas"]])
        return {**former, "sigmas": sigmas, "published": {**former["published"], model: released}}
    alike = next(family for family in params["families"].values() if family["network"]["channels"] == spec["channels"])
    training = [key for key, found in params["downloads"].items() if found.get("role") == "train"]
    if data and data not in training:
        raise UserError(f"--data {data!r}: no training set of {PARAMS}; {choices(data, training)}")
    return {
        "network": spec,
        **levels,
        "degradation": "gaussian",
        "data": data or alike["data"],
        "validation": alike["validation"],
        "schedule": alike["schedule"],
        "weights": paths.RELEASED,
        "published": {model: released},
        "fitted": True,
    }


def with_family(text: str, name: str, value: dict[str, Any]) -> str:
    """The text of params.yaml with an entry in `families`, at its end or in place of the former one."""
    lines, end, mine = _found(text, name, f"write it there by hand: {one_line(name, value)}")
    line = f"  {one_line(name, value)}\n"
    return "".join([*lines[:end], line, *lines[end:]] if mine is None else [*lines[:mine], line, *lines[mine + 1 :]])


def without_family(text: str, name: str) -> str:
    """The text of params.yaml without an entry of `families` that is there."""
    lines, _, mine = _found(text, name, "take it out there by hand, and its files from weights/")
    return "".join(line for number, line in enumerate(lines) if number != mine)


def _found(text: str, name: str, instead: str) -> tuple[list[str], int, int | None]:
    """The lines of params.yaml, where its section `families` ends, and which line is the entry `name`, if there is one.

    Args:
        instead: what to do about an entry of several lines.
    """
    lines = text.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines, 1) if line.startswith("families:")), None)
    if start is None:
        raise UserError(f"{PARAMS}: no section `families`; put the original back")
    end = next((number for number in range(start, len(lines)) if lines[number][0] not in " \n"), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    mine = next((number for number in range(start, end) if lines[number].startswith(f"  {name}:")), None)
    if mine is not None and not lines[mine].rstrip().endswith("}"):
        raise UserError(f"{PARAMS}: families.{name} takes several lines; {instead}")
    return lines, end, mine


def one_line(name: str, value: dict[str, Any]) -> str:
    """An entry of params.yaml on one line."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=True)
    return f"{name}: {text.strip()}"


def evaluations(params: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Entries of `evaluations` that would measure a family on the test sets of its kind, by key."""
    family, runs = params["families"][name], {}
    for key, noisy in params["noisy"].items():
        if params["downloads"][key]["channels"] != family["network"]["channels"]:
            continue
        levels = [sigma for sigma in noisy["sigmas"] if sigma in family.get("sigmas", [sigma])]
        if levels:
            some = {} if levels == noisy["sigmas"] else {"sigmas": levels}
            run = {"dataset": key, "family": name, "pair": f"{key}-{family['data']}", "method": name, **some}
            runs[f"{key}-{name}"] = run
    return runs
