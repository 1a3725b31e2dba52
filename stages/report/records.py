"""What every node was made from, kept with the reports so that two revisions can be compared: `records.json`.

Everything that repeats is there once. Hashes are the first `DIGITS` digits of SHA-256. There are no times, no commits
and no names of processors: provenance.md has those.
"""

import json
from typing import Any

from redenoise.support.files import sha256_bytes
from stages.report.history import instructions
from stages.report.weights import Records

NAME = "records.json"
DIGITS = 16
FORMAT = 2  # of the file; counted up when a reader of the old one would misread it


def render(own: dict[str, Any], records: Records) -> str:
    """The file of one scale.

    It holds `format`; `nodes`, by name: `stage`, `key`, `params` (name to a key of `values`), `sources` (a key of
    `listings`), `inputs` and `outputs` (path to hash), `environment` (a key of `values`); `values`; and `listings`: of
    a node's code, file to hash.

    Args:
        own: the report's own record, as far as it goes.
        records: those of all other nodes.
    """
    values: dict[str, Any] = {}
    listings: dict[str, Any] = {}
    nodes = {name: _node(record, values, listings) for name, record in {**records, "report": own}.items()}
    # One line for each node, value and listing: a change moves few lines.
    parts = {"nodes": nodes, "values": values, "listings": listings}
    lines = [f'{{\n"format": {FORMAT},']
    for name, entries in parts.items():
        body = ",\n".join(f"{json.dumps(key)}: {_line(value)}" for key, value in sorted(entries.items()))
        lines.append(f'"{name}": {{\n{body}\n}}{"" if name == "listings" else ","}')
    return "\n".join([*lines, "}", ""])


def _node(record: dict[str, Any], values: dict[str, Any], listings: dict[str, Any]) -> dict[str, Any]:
    python = record["python"].rpartition(".")[0]  # a patch changes no number
    environment = {"python": python, "processor": instructions(record), "mode": record["mode"], **record["packages"]}
    return {
        "stage": record["stage"],
        "key": record.get("key"),
        "params": {name: _kept(value, values) for name, value in record["params"].items()},
        "sources": _kept(_short(record["sources"]), listings),
        # Records of other nodes hold times, and two equal runs must give one file.
        "inputs": _short({path: digest for path, digest in record["inputs"].items() if "/provenance/" not in path}),
        "outputs": _short(record.get("outputs", {})),
        "environment": _kept(environment, values),
    }


def _kept(value: object, values: dict[str, Any]) -> str:
    key = sha256_bytes(_line(value).encode())[:DIGITS]
    values[key] = value
    return key


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(", ", ": "))


def _short(hashes: dict[str, str]) -> dict[str, str]:
    return {name: digest[:DIGITS] for name, digest in hashes.items()}
