"""The configuration: params.yaml and one scale, checked, and cut into what each node of the DAG depends on."""

import os
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redenoise.dag.code import ROOT
from redenoise.dag.measurements import check_measurements
from redenoise.dag.references import check_references, check_scale
from redenoise.dag.table import BY_NAME, SECTIONS, STAGES, filled, looked_up
from redenoise.support.errors import UserError, choices
from redenoise.support.files import sha256_file
from redenoise.support.yaml_files import read_yaml

PARAMS = Path("params.yaml")
SCALES = Path("workflow/scales")
SCHEMAS = ROOT / "workflow/schemas"
# Set by Snakemake's rules: the hashes of the two files of the configuration that Snakemake has checked. Where they are
# still the same a node checks nothing again, which takes longer than what many nodes do.
CHECKED = "REDENOISE_CHECKED"
OF_NETWORK = ("train", "task")  # stages that depend on the miniature of their entry's network
OF_DATASET = ("synthesize", "evaluate", "filter", "degrade")  # that depend on the entry of the data set they read, too


@dataclass(frozen=True)
class Config:
    """A checked configuration.

    Attributes:
        scale: name of the active scale.
        params: the whole of params.yaml, `scale` replaced by the active one.
        settings: the whole of workflow/scales/<scale>.yaml.
    """

    scale: str
    params: dict[str, Any]
    settings: dict[str, Any]

    def keys(self, stage: str) -> list[str]:
        """Names of the nodes of a stage, in the order of params.yaml."""
        return list(self.params[SECTIONS[stage]])

    def nodes(self) -> list[tuple[str, str | None]]:
        """(stage, key) of every node before the report, in the order in which data flow; some have no key."""
        names: list[tuple[str, str | None]] = []
        for stage in STAGES[:-1]:
            names += [(stage.name, key) for key in self.keys(stage.name)] if stage.section else [(stage.name, None)]
        return names

    def context(self, stage: str, key: str | None) -> dict[str, Any]:
        """What the fields of the tables' templates are looked up in for one node."""
        return {**self.params, "key": key, "item": {} if key is None else self.entry(stage, key)}

    @cached_property
    def written(self) -> dict[str, tuple[str, str | None]]:
        """The node that writes each path, as the tables have them, records too and the report left out."""
        return {
            filled(path, self.context(stage, key)): (stage, key)
            for stage, key in self.nodes()
            for path in (*BY_NAME[stage].writes, BY_NAME[stage].record)
        }

    def image_sets(self) -> list[str]:
        """Names of the downloads that are images."""
        return [key for key, entry in self.params["downloads"].items() if entry["kind"] == "images"]

    def entry(self, stage: str, key: str) -> dict[str, Any]:
        """The entry of params.yaml that describes one node; `UserError` names the choices if there is none.

        Of the `variants` of a family those that the scale trains.
        """
        section = SECTIONS[stage]
        if key not in self.params[section]:
            raise UserError(f"{PARAMS}: {section} has no entry {key!r}; {choices(key, self.params[section])}")
        found = self.params[section][key]
        if "variants" not in found:
            return found
        fewer = (self.settings["training"] or {}).get("variants", {})
        return {**found, "variants": {name: fewer.get(name, values) for name, values in found["variants"].items()}}

    def dataset(self, entry: dict[str, Any]) -> str:
        """The entry of `downloads` whose images an entry measures, itself or through a degraded set."""
        return entry["dataset"] if "dataset" in entry else self.entry("degrade", entry["degraded"])["dataset"]

    def network(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The network of an entry of `families` or `tasks` as this scale makes it: its name and options."""
        return {**entry["network"], **self.smaller(entry)}

    def smaller(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Options that replace those of an entry's network at this scale: its miniature, or none."""
        return self.params["miniatures"][entry["network"]["name"]] if self.settings["miniature"] else {}

    def node_params(self, stage: str, key: str | None = None) -> dict[str, Any]:
        """Everything of the configuration that the result of one node depends on, with sorted keys."""
        context = self.context(stage, key)
        names = [filled(name, context) for name in BY_NAME[stage].params]
        values = {name: looked_up(name, self.params) for name in names}
        values |= {f"scale.{name}": self.settings[name] for name in BY_NAME[stage].settings}
        if key is not None:
            values["entry"] = entry = self.entry(stage, key)
            # The entry of the data set that a node reads, for its channels and its title.
            if stage in OF_DATASET:
                values["download"] = self.entry("download", entry.get("dataset", key))
            if stage in OF_NETWORK:
                values["miniature"] = self.params["miniatures"][entry["network"]["name"]]
        return _sorted(values)


def load_config(scale: str | None = None) -> Config:
    """Read and check params.yaml and the scale's file, both relative to the working directory.

    Args:
        scale: replaces the `scale` of params.yaml if given.

    Raises:
        UserError: a file is missing or not YAML, or a key is unknown, missing or wrong; the line names its path.
    """
    params = read_yaml(PARAMS)
    if scale and os.environ.get(CHECKED) == fingerprint(scale):
        return Config(scale, {**params, "scale": scale}, read_yaml(SCALES / f"{scale}.yaml"))
    check(params, "params", PARAMS)
    scale = scale or params["scale"]
    names = sorted(path.stem for path in SCALES.glob("*.yaml"))
    if scale not in names:
        raise UserError(f"{PARAMS}: scale {scale!r} is not known; {choices(scale, names)}")
    path = SCALES / f"{scale}.yaml"
    settings = read_yaml(path)
    check(settings, "scale", path)
    check_references(params, PARAMS)
    check_measurements(params, PARAMS)
    check_scale(settings, params, path)
    return Config(scale, {**params, "scale": scale}, settings)


def fingerprint(scale: str) -> str:
    """What the two files of a configuration are told by; empty where one cannot be read."""
    try:
        return " ".join(sha256_file(path) for path in (PARAMS, SCALES / f"{scale}.yaml"))
    except OSError:
        return ""


def check_network(network: dict[str, Any], place: object) -> None:
    """Raise `UserError`, beginning with `place`, for options of a denoiser that params.yaml could not have."""
    options = _validator("params").evolve(schema={"$ref": "params.schema.yaml#/$defs/denoiser"})
    if error := next(iter(sorted(options.iter_errors(network), key=_order)), None):
        raise UserError(f"{place}: {_explain(error)}")


def check(value: Any, schema_name: str, path: Path) -> None:
    """Raise `UserError` for the first key of a file that its schema does not allow.

    Without the package jsonschema, which a machine lent for its GPU may lack, nothing is checked, and a line says so.
    """
    if find_spec("jsonschema") is None:
        print(f"{path}: not checked, jsonschema is not installed here", file=sys.stderr, flush=True)
        return
    if value is None:
        raise UserError(f"{path}: 'the file' is empty; put the original back, or the run's settings")
    error = next(iter(sorted(_validator(schema_name).iter_errors(value), key=_order)), None)
    if error is not None:
        raise UserError(f"{path}: {_explain(error)}")


@cache
def _validator(schema_name: str) -> Any:
    """Checks values against a schema, which may refer to the one of params.yaml by its file name."""
    import jsonschema  # here: see `check`
    from referencing import Registry, Resource

    schemas = {f"{name}.schema.yaml": read_yaml(SCHEMAS / f"{name}.schema.yaml") for name in {"params", schema_name}}
    registry = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in schemas.items())
    draft = jsonschema.Draft202012Validator
    # JSON takes 17.0 for an integer; a number of layers or steps has to be one in Python.
    types = draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    strict = jsonschema.validators.extend(draft, type_checker=types)
    return strict(schemas[f"{schema_name}.schema.yaml"], registry=registry)


def _order(error: Any) -> tuple[list[str], str]:
    return [str(part) for part in error.absolute_path], str(error.validator)


def _explain(error: Any) -> str:
    """One line for a schema error: the key's path, what was found, what is allowed, the likeliest intention."""
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(set(map(str, error.instance)) - set(known))[0]
        return f"unknown key {'.'.join(filter(None, (place, unknown)))!r}; {choices(unknown, known)}"
    if error.validator == "required":
        missing = sorted(set(error.validator_value) - set(error.instance))[0]
        return f"key {'.'.join(filter(None, (place, missing)))!r} is missing; add it"
    if error.validator == "enum":
        return f"{place!r} is {_short(error.instance)}; {choices(error.instance, error.validator_value)}"
    if error.validator == "not" and not error.validator_value:
        return f"unknown key {place!r}; it belongs to the entry of a family or task, take it out here"
    message = error.message.replace(repr(error.instance), _short(error.instance))
    return f"{place or 'the file'!r}: {message}; {error.schema.get('description', 'correct the value')}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _sorted(value: Any) -> Any:
    """Dicts with sorted string keys throughout: equal values then have one form."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
