"""The configuration: params.yaml and one scale, checked, and cut into what each node of the DAG depends on."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.common.errors import UserError, choices
from stages.common.references import check_references

ROOT = Path(__file__).resolve().parents[2]
PARAMS = Path("params.yaml")
SCALES = Path("workflow/scales")
SCHEMAS = ROOT / "workflow/schemas"

# The section of params.yaml whose entries are the nodes of each stage.
STAGE_SECTION = {
    "download": "downloads",
    "synthesize": "noisy",
    "train": "families",
    "evaluate": "evaluations",
    "baseline": "baselines",
    "labelled": "labelled",
    "task": "tasks",
    "cascade": "cascades",
    "recognition": "recognitions",
    "recognition_baseline": "recognition_baselines",
}
# Stages whose nodes write build/<scale>/results/<key>.csv.
MEASURING = ("evaluate", "baseline", "recognition", "recognition_baseline")
# Stages of one node, by the stage that they follow.
AFTER = {"download": ("leakage", "released"), "train": ("architecture",), "recognition_baseline": ("illustrate",)}
# The keys of params.yaml and of the scale that a node's result depends on besides its own entry. dvc.yaml names the
# same keys; a test compares them.
STAGE_PARAMS = {
    "download": (("unavailable",), ("real_data", "images", "published_weights")),
    "leakage": (("downloads",), ()),
    "synthesize": (("seed",), ()),
    "released": ((), ()),
    "train": (("schedules", "seed"), ("published_weights", "network", "training", "threads")),
    "architecture": (("families",), ()),
    "evaluate": (("mode",), ("real_data", "threads")),
    "baseline": (("unavailable",), ("real_data",)),
    "labelled": ((), ("real_data", "labelled", "labelled_downloads")),
    "task": (("schedules", "seed"), ("real_data", "network", "tasks", "threads", "labelled_downloads")),
    "cascade": (
        ("schedules", "seed", "tasks"),
        ("real_data", "published_weights", "network", "cascades", "threads"),
    ),
    "recognition": (("mode", "seed", "tasks", "labelled"), ("real_data", "threads", "part")),
    "recognition_baseline": (
        ("mode", "seed", "tasks", "labelled", "unavailable"),
        ("real_data", "labelled", "threads", "part"),
    ),
    "illustrate": (("mode", "seed", "tasks", "labelled"), ("real_data", "threads")),
    "report": (
        (
            *("downloads", "noisy", "families", "evaluations", "baselines", "mode"),
            *("labelled", "tasks", "cascades", "recognitions", "recognition_baselines"),
        ),
        ("real_data", "budget"),
    ),
}


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML loader that refuses a key given twice instead of silently keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Build a dict from a mapping node; raises `yaml.constructor.ConstructorError` on a duplicate key."""
        keys = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)


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
        return list(self.params[STAGE_SECTION[stage]])

    def nodes(self) -> list[tuple[str, str | None]]:
        """(stage, key) of every node before the report, in the order in which data flow; some have no key."""
        names: list[tuple[str, str | None]] = []
        for stage in STAGE_SECTION:
            names += [(stage, key) for key in self.keys(stage)]
            names += [(single, None) for single in AFTER.get(stage, ())]
        return names

    def image_sets(self) -> list[str]:
        """Names of the downloads that are images."""
        return [key for key, entry in self.params["downloads"].items() if entry["kind"] == "images"]

    def entry(self, stage: str, key: str) -> dict[str, Any]:
        """The entry of params.yaml that describes one node; `UserError` names the choices if there is none."""
        section = STAGE_SECTION[stage]
        if key not in self.params[section]:
            raise UserError(f"{PARAMS}: {section} has no entry {key!r}; {choices(key, self.params[section])}")
        return self.params[section][key]

    def network(self, stage: str, key: str | None) -> str:
        """Name of the network that a node trains; empty for any other node."""
        return self.entry(stage, key)["network"]["name"] if stage == "train" else ""

    def node_params(self, stage: str, key: str | None = None) -> dict[str, Any]:
        """Everything of the configuration that the result of one node depends on, with sorted keys."""
        params, settings = STAGE_PARAMS[stage]
        values = {name: self.params[name] for name in params}
        values |= {f"scale.{name}": self.settings[name] for name in settings}
        if key is not None:
            values["entry"] = entry = self.entry(stage, key)
            # The entry of the data set that a node reads, for its channels and its title.
            if stage in ("synthesize", "evaluate", "baseline"):
                values["download"] = self.entry("download", entry.get("dataset", key))
        return _sorted(values)


def load(scale: str | None = None) -> Config:
    """Read and check params.yaml and the scale's file, both relative to the working directory.

    Args:
        scale: replaces the `scale` of params.yaml if given.

    Raises:
        UserError: a file is missing or not YAML, or a key is unknown, missing or wrong; the line names its path.
    """
    params = read_yaml(PARAMS)
    _check(params, "params", PARAMS)
    scale = scale or params["scale"]
    names = sorted(path.stem for path in SCALES.glob("*.yaml"))
    if scale not in names:
        raise UserError(f"scale {scale!r} is not known; {choices(scale, names)}")
    settings = read_yaml(SCALES / f"{scale}.yaml")
    _check(settings, "scale", SCALES / f"{scale}.yaml")
    check_references(params, PARAMS)
    return Config(scale, {**params, "scale": scale}, settings)


def read_yaml(path: Path) -> Any:
    """Parse one YAML file; raises `UserError` with the line and column of what is wrong."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the root of the project") from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:  # TypeError: a list or dict as a key
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or error
        raise UserError(f"{path}: {place}{problem}; expected valid YAML, correct the line") from None


def stage_parser(stage: str, description: str, keyed: bool = True) -> argparse.ArgumentParser:
    """The command line that all stages share: `--scale NAME` and, where a stage has several nodes, `--only KEY`."""
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=description)
    parser.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    if keyed:
        parser.add_argument("--only", metavar="KEY", help="one node of this stage (default: all of them)")
    return parser


def for_each_node(stage: str, description: str, work: Callable[[Config, str], None], command: str = "") -> None:
    """The command line of a stage with several nodes: `work` on the one that `--only` names, or on all of them."""
    arguments = stage_parser(command or stage, description).parse_args()
    settings = load(arguments.scale)
    for key in [arguments.only] if arguments.only else settings.keys(stage):
        work(settings, key)


def _check(value: Any, schema_name: str, path: Path) -> None:
    import jsonschema  # here: a machine lent for its GPU may lack it, and the benchmark checks nothing

    schema = yaml.safe_load((SCHEMAS / f"{schema_name}.schema.yaml").read_text(encoding="utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    error = next(iter(sorted(errors, key=lambda e: ([str(part) for part in e.absolute_path], e.validator))), None)
    if error is not None:
        raise UserError(f"{path}: {_explain(error)}")


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
        return f"{place!r} is {error.instance!r}; {choices(error.instance, error.validator_value)}"
    return f"{place or 'the file'!r}: {error.message}; {error.schema.get('description', 'correct the value')}"


def _sorted(value: Any) -> Any:
    """Dicts with sorted string keys throughout: equal values then have one form."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
