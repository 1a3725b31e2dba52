"""The entries of a test set in params.yaml: what it lacks of them, as lines to paste."""

from typing import Any

import yaml

from redenoise.dag import paths
from redenoise.dag.config import PARAMS, read_yaml


def lines(name: str, title: str, channels: int) -> str:
    """What params.yaml lacks for a test set: its entries, with the methods that are tested on sets of its kind."""
    params = read_yaml(PARAMS)
    others = [key for key in params["noisy"] if key != name]
    alike = [key for key in others if params["downloads"][key]["channels"] == channels]
    sigmas = params["noisy"][alike[0]]["sigmas"] if alike else [25, 50]
    why = f"as of {alike[0]}, the first set of its kind in params.yaml" if alike else "since there is none of its kind"
    download = {"title": title, "kind": "images", "store": name, "channels": channels, "role": "test"}
    trainings = [key for key, entry in params["downloads"].items() if entry.get("role") == "train"]
    pairs = {f"{name}-{train}": {"test": name, "train": train} for train in trainings}
    entries = {"downloads": {name: download}, "pairs": pairs, "noisy": {name: {"sigmas": sigmas}}}
    for section, fields in (("evaluations", ("family", "pair")), ("filters", ("filter",))):
        methods: dict[str, dict[str, Any]] = {}  # one entry of each: a set is measured by a method once
        for entry in params[section].values():
            if entry["dataset"] in alike and set(entry) == {"dataset", *fields, "method"}:
                own = {"dataset": name}
                if "pair" in entry:
                    own["pair"] = f"{name}-{params['families'][entry['family']]['data']}"
                methods.setdefault(entry["method"], {**entry, **own})
        entries[section] = {f"{name}-{entry[fields[0]]}": entry for entry in methods.values()}
    text: list[str] = []
    for section, wanted in entries.items():
        absent = [_entry(key, entry) for key, entry in wanted.items() if key not in params[section]]
        text += [f"{section}:", *absent] if absent else []
    if not text:
        return f"{PARAMS} has all entries of it already"
    text = [
        "add to params.yaml, each line to its section there; what it has already is not shown:",
        "",
        *text,
        "",
        "All lines of downloads, pairs and noisy are needed, the pair with every training set too; of evaluations and",
        "filters leave out what you do not need. At the scale demo stand-ins take the place of images: take bench.",
        f"Levels of noise: {', '.join(map(str, sigmas))}, {why}; write others where you want them. A network",
        "of single levels is not measured at others. For each KEY of evaluations and filters that you have added, run",
        f"  snakemake --cores all --config scale=bench -- {paths.results('bench', 'KEY')}",
        "  redenoise report --scale bench      # puts averages into build/bench/report/averages.csv",
    ]
    return "\n".join(text)


def _entry(key: str, value: dict[str, Any]) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=True)
    return f"  {key}: {text.strip()}"
