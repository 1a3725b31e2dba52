"""Wrong configurations, made from the right one: every kind of mistake at places drawn with a fixed seed."""

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Keys = tuple[str | int, ...]
ROOT = Path(__file__).resolve().parents[1]
PARAMS, SCALE = "params.yaml", "workflow/scales/demo.yaml"
# Fields that hold any words; entries that a scale may leave out.
WORDS = ("title", "method", "budget")
# Fields that name an entry elsewhere.
REFERENCES = (
    *("data", "validation", "schedule", "weights", "dataset", "family", "task", "initial", "filter", "start"),
    *("store", "source", "split", "scale"),
)
# Numbers that need not be whole, some of which are.
FRACTIONS = ("reconstruction", "perceptual", "high_level", "dropout")
# Sections of params.yaml whose keys are names of nodes, and must not be spelt in another way.
NAMED = (
    *("downloads", "pairs", "noisy", "schedules", "families", "evaluations", "filters", "labelled", "tasks"),
    *("cascades", "recognitions", "filtered_recognitions"),
)
NAMES = ("a/b", "..", ".", "", "A", "a b", "-a", "é", "a\n", "x" * 101, "a\x07")


@dataclass(frozen=True)
class Mutation:
    """One mistake: `value` in place of what stands at `place`; a `RENAMED` one is a key and not a value."""

    kind: str
    file: str
    place: Keys
    value: Any

    def __str__(self) -> str:
        return f"{self.kind}-{Path(self.file).stem}-{'.'.join(map(str, self.place))}"

    def text(self) -> str:
        """The file with this mistake."""
        whole = copy.deepcopy(originals()[self.file])
        if not self.place:
            return written(self.value)
        *before, last = self.place
        parent = whole
        for key in before:
            parent = parent[key]
        if self.kind == "removed":
            del parent[last]
        elif self.kind == "renamed":
            parent[self.value] = parent.pop(last)
        elif self.kind == "surplus":
            parent[last]["surplus"] = self.value
        else:
            parent[last] = self.value
        return written(whole, changed=self.place[0] if len(self.place) > 1 or self.kind == "surplus" else None)

    def names(self) -> list[str]:
        """What the message must hold: one of these."""
        path = list(self.place)
        if self.kind == "renamed":
            return [repr(".".join(map(str, path[:-1]))) + f": {self.value!r}"[:60]]
        if self.kind == "surplus":
            path.append("surplus")
        # A list may be named as a whole, and a list in place of one by its first item.
        whole = path[:-1] if isinstance(path[-1], int) else [*path, 0]
        return [repr(".".join(map(str, path))), repr(".".join(map(str, whole)))]


_ORIGINALS: dict[str, Any] = {}
_SECTIONS: dict[str, str] = {}


def originals() -> dict[str, Any]:
    """The project's own params.yaml and demo scale, by path."""
    for name in (PARAMS, SCALE):
        if name not in _ORIGINALS:
            _ORIGINALS[name] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return _ORIGINALS


def written(value: Any, changed: str | int | None = None) -> str:
    """YAML text; with `changed`, only that section is written anew, which saves most of the time."""
    if changed is None or not isinstance(value, dict):
        return yaml.safe_dump(value, sort_keys=False)
    name = PARAMS if "families" in value else SCALE
    parts = []
    for key, section in value.items():
        if key != changed and (name, key) not in _SECTIONS:
            _SECTIONS[name, key] = yaml.safe_dump({key: section})
        parts.append(_SECTIONS[name, key] if key != changed else yaml.safe_dump({key: section}))
    return "".join(parts)


def nodes(value: Any, place: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every dict, list and leaf below `value`."""
    if place:
        yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from nodes(part, (*place, key))


def all_mutations() -> list[Mutation]:
    """Every mistake of every kind that can be made systematically; none of them is harmless."""
    found = []
    for file, whole in originals().items():
        for place, value in nodes(whole):
            found += [Mutation(kind, file, place, wrong) for kind, wrong in _wrong_values(place, value)]
    for section in NAMED:
        for number, name in enumerate(NAMES):
            keys = list(originals()[PARAMS][section])
            found.append(Mutation("renamed", PARAMS, (section, keys[number % len(keys)]), name))
    for file, whole in originals().items():
        found += [Mutation("removed", file, (key,), None) for key in whole]
    return found


def _wrong_values(place: Keys, value: Any) -> Iterator[tuple[str, Any]]:
    field = next(key for key in reversed(place) if isinstance(key, str))
    yield "list", [[]]
    if isinstance(value, dict):
        yield "text for entries", "text"
        yield "surplus", 5
        return
    yield "mapping", {"x": {}}
    if isinstance(value, list):
        return
    if value is None:  # what a scale leaves out
        yield from (("text for number", "5"), ("truth for number", True), ("not a number", float("nan")))
        return
    yield "null", None
    if isinstance(value, str):
        yield "number for text", 7
        yield "truth for text", True
        yield "empty text", ""
        yield "two lines", "two\nlines"
        if field not in WORDS:
            yield "outside", "../outside"
            yield "absolute", "/etc/passwd"
        if field in REFERENCES:
            yield "dangling", "nowhere"
        return
    if isinstance(value, bool):
        yield "number for truth", int(value)
        yield "text for truth", str(value)
        return
    yield from (("truth for number", True), ("text for number", str(value)), ("negative", -1), ("huge", 10**12))
    if isinstance(value, int) and field not in FRACTIONS:
        yield from (("fraction", value + 0.5), ("float for integer", float(value)))
    yield from (("not a number", float("nan")), ("infinite", float("inf")), ("minus infinite", float("-inf")))


def drawn(count: int) -> list[Mutation]:
    """Mistakes with all kinds in turn, at places drawn with a fixed seed."""
    kinds: dict[str, list[Mutation]] = {}
    for mutation in all_mutations():
        kinds.setdefault(mutation.kind, []).append(mutation)
    draw = random.Random(0)
    for mutations in kinds.values():
        draw.shuffle(mutations)
    chosen: list[Mutation] = []
    while len(chosen) < count:
        chosen += [mutations.pop() for mutations in kinds.values() if mutations]
    return chosen[:count]
