"""Why a node's outputs differ between two revisions: back through the DAG to what differs by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from redenoise.commands.plan.differences import ABSENT, file_states, leaves, place, shown
from redenoise.dag import paths
from redenoise.dag.config import PARAMS, Config
from redenoise.dag.table import SECTIONS

PARAMETER, CODE, DATA, WEIGHTS, ENVIRONMENT = "parameter", "code", "data", "weights", "environment"
AGAIN, UNKNOWN = "run again", "unknown"
# In the order in which groups of cells are shown.
KINDS = (PARAMETER, CODE, DATA, WEIGHTS, ENVIRONMENT, AGAIN, UNKNOWN)
REPORT = "report"  # the node that judges
RELEASED = "weights/"  # the folder of what was released here


class Cause(NamedTuple):
    """One fact that differs by itself.

    Attributes:
        kind: one of `KINDS`.
        text: what differs, and how.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Ancestry:
    """Finds causes between the records of two revisions of one scale.

    Attributes:
        config: of the newer side.
        old, new: `records.json` of both, empty where a revision has none.
    """

    config: Config
    old: dict[str, Any]
    new: dict[str, Any]

    def __hash__(self) -> int:
        return id(self)

    @cache  # noqa: B019 - the object lives as long as the command
    def of(self, name: str) -> tuple[Cause, ...]:
        """Causes of a difference in the outputs of the node `name`, its own first; empty where nothing differs."""
        if not (self.old and self.new):
            return (Cause(UNKNOWN, "one of the two revisions keeps no records.json"),)
        before, after = (side["nodes"].get(name) for side in (self.old, self.new))
        if before is None or after is None:
            return (self._entry(name, before or after, "is gone" if after is None else "is new"),)
        found = [*self.own(name), *self._inputs(before, after)]
        if not found and before["outputs"] != after["outputs"]:
            found = [Cause(AGAIN, f"{name} gave something else with all that is recorded unchanged")]
        return tuple(dict.fromkeys(found))

    @cache  # noqa: B019 - see above
    def own(self, name: str) -> tuple[Cause, ...]:
        """What differs in the parameters, the code and the environment of a node itself."""
        before, after = self.old["nodes"][name], self.new["nodes"][name]
        found = [*self._parameters(before, after), *self._code(before, after), *self._environment(before, after)]
        return tuple(dict.fromkeys(found))

    def retrained(self, name: str) -> bool:
        """Whether a node has read other weights on the two sides; not as far as anybody knows without records."""
        if not (self.old and self.new):
            return False
        inputs = [side["nodes"].get(name, {}).get("inputs", {}) for side in (self.old, self.new)]
        start = paths.weights(self.config.scale, "").as_posix()
        return any(path.startswith(start) and found != inputs[1].get(path, found) for path, found in inputs[0].items())

    def judging(self) -> tuple[Cause, ...]:
        """Why a value that has not moved is judged otherwise: what differs in the report itself."""
        if not (self.old and self.new):
            return self.of(REPORT)
        return self.own(REPORT) if all(REPORT in side["nodes"] for side in (self.old, self.new)) else ()

    def _entry(self, name: str, node: dict[str, Any] | None, state: str) -> Cause:
        if node is None:
            return Cause(UNKNOWN, f"{name} is in no record")
        section = SECTIONS.get(node["stage"])
        entry = f"{PARAMS}: {section}.{node['key']}" if section else f"stage {node['stage']}"
        return Cause(PARAMETER, f"{entry} {state}")

    def _parameters(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Cause]:
        old, new = (
            {name: side["values"][key] for name, key in node["params"].items()}
            for side, node in ((self.old, before), (self.new, after))
        )
        for name, was, now in leaves("", old, new):
            where = place(self.config, after["stage"], after["key"], name)
            yield Cause(PARAMETER, f"{where} is {shown(now)}, was {shown(was)}")

    def _code(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Cause]:
        old, new = self.old["listings"][before["sources"]], self.new["listings"][after["sources"]]
        yield from (Cause(CODE, f"{file} {state}") for file, state in file_states(old, new))

    def _environment(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Cause]:
        old, new = self.old["values"][before["environment"]], self.new["values"][after["environment"]]
        for name in sorted(set(old) | set(new)):
            if old.get(name) != new.get(name):
                yield Cause(ENVIRONMENT, f"{name} is {new.get(name, ABSENT)}, was {old.get(name, ABSENT)}")

    def _inputs(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Cause]:
        """The causes behind every input that differs."""
        for path in sorted(set(before["inputs"]) | set(after["inputs"])):
            was, now = before["inputs"].get(path), after["inputs"].get(path)
            if was == now:
                continue
            maker = self._maker(path)
            if maker == "released":
                yield from self._released(before, after)
            elif maker:
                yield from self.of(maker)
            else:
                state = "has changed" if was and now else "is new" if now else "is gone"
                yield Cause(WEIGHTS if path.startswith(RELEASED) else DATA, f"{path} {state}")

    def _released(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Cause]:
        """The causes behind the released weights, without files that neither side's entry names."""
        entries = (side["values"][node["params"]["entry"]] for side, node in ((self.old, before), (self.new, after)))
        names = (name for entry in entries for name in (entry.get("weights"), *(entry.get("published") or {}).values()))
        named = {f"{RELEASED}{name}." for name in names}
        for cause in self.of("released"):
            if cause.kind != WEIGHTS or any(cause.text.startswith(name) for name in named):
                yield cause

    def _maker(self, path: str) -> str | None:
        """The node that writes a path or, for a file of a folder, the folder, on the newer side if it is there."""
        for side in (self.new, self.old):
            for name, node in side["nodes"].items():
                if any(path == output or path.startswith(f"{output}/") for output in node["outputs"]):
                    return name
        return None
