"""Reading YAML: plain values only, every key once, and bounds that no honest file comes near."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from redenoise.support.errors import UserError

MAX_BYTES = 16_000_000
MAX_VALUES = 2_000_000  # with every alias written out; the grid of the scaling study has some 100,000
MAX_DEPTH = 40

# YAML 1.1 reads 010 as eight and 1:30 as ninety, which nobody means here.
_PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)")


class _PythonEvents(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """What the parser of libyaml does, where PyYAML was built without it."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


# Events come from libyaml where it is there, which saves every process of a run a twentieth of a second; nodes are made
# of them in Python, where they can be looked at.
_Events: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else _PythonEvents


class StrictLoader(yaml.composer.Composer, _Events, yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """Loader that refuses what would otherwise be taken for something else, or take the memory.

    A key given twice, a key that is no text, a number that is not finite or not plainly decimal, a tag, and a file that
    is too deep or too large once its aliases are written out all raise `yaml.MarkedYAMLError` with the place.
    """

    def __init__(self, text: str) -> None:
        _Events.__init__(self, text)
        for base in (yaml.composer.Composer, yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
            base.__init__(self)
        self.depth = 0
        self.extents: dict[int, tuple[int, int]] = {}  # values and levels of every node, aliases written out

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As the base class, and bound what the node would take."""
        event = self.peek_event()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse(f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if id(node) not in self.extents:
            if isinstance(event, yaml.AliasEvent):
                _refuse(f"alias {event.anchor!r} stands inside what it names", event.start_mark)
            self.extents[id(node)] = self._extent(node)
        values, levels = self.extents[id(node)]
        if values > MAX_VALUES or levels > MAX_DEPTH:
            _refuse(f"aliases make it more than {MAX_VALUES} values, or {MAX_DEPTH} levels", event.start_mark)
        return node

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, 1
        inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        found = [self.extents[id(part)] for part in inner]
        return 1 + sum(values for values, _ in found), 1 + max((levels for _, levels in found), default=0)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """A dict whose keys are text, each there once."""
        keys = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                _refuse("key '<<' would merge another mapping; write its keys out", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                _refuse(f"key {_written(key_node)} is not text to YAML; put it in quotes", key_node.start_mark)
            if key in keys:
                _refuse(f"key {key!r} given twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_finite(self, node: yaml.ScalarNode) -> float:
        """A float that is neither infinite nor NaN."""
        _refuse_parts_of_sixty(node)
        if not math.isfinite(value := self.construct_yaml_float(node)):
            _refuse(f"{node.value} is not a finite number", node.start_mark)
        return value

    def construct_plain_integer(self, node: yaml.ScalarNode) -> int:
        """A whole number of at most 100 digits."""
        _refuse_parts_of_sixty(node)
        if len(node.value) > 100 or not _PLAIN_INTEGER.fullmatch(node.value):
            _refuse(f"{_written(node)} is not a plain decimal number", node.start_mark)
        return self.construct_yaml_int(node)

    def refuse_tag(self, node: yaml.Node) -> None:
        """No value of the project is anything but text, a number, true, false, null, a list or a dict."""
        kind = node.tag.rpartition(":")[2]
        _refuse(f"{_written(node)} is a {kind} to YAML; put it in quotes, or take it out", node.start_mark)


StrictLoader.add_constructor("tag:yaml.org,2002:float", StrictLoader.construct_finite)
StrictLoader.add_constructor("tag:yaml.org,2002:int", StrictLoader.construct_plain_integer)
for _kind in ("timestamp", "binary", "set", "omap", "pairs"):
    StrictLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", StrictLoader.refuse_tag)
StrictLoader.add_constructor(None, StrictLoader.refuse_tag)


def read_yaml(path: Path) -> Any:
    """Parse one YAML file; raises `UserError` with the line and column of what is wrong."""
    try:
        if not path.is_file() and path.exists():
            raise UserError(f"{path}: not a file; put the original back, or the run's settings")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB, expected a file written by hand")
        return yaml.load(_text(path), Loader=StrictLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run from the root of the project") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; make it readable and start again") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an explicit tag on another kind of value
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        # A parser's own words say what they expected only together with what they were about.
        context = getattr(error, "context", None)
        problem = " ".join(f"{context + ' ' if context else ''}{problem}".split())
        raise UserError(f"{path}: {place}{problem}; expected valid YAML, correct the line") from None


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: not UTF-8, expected valid YAML; save it as UTF-8") from None
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UserError(f"{path}: line {line}: character {found[0]!r} is not text; expected valid YAML, remove it")
    return text


def _written(node: yaml.Node) -> str:
    """A scalar as it stands in the file, cut short; a word for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return "of several parts"
    return node.value if len(node.value) <= 40 else f"{node.value[:40]}…"


def _refuse_parts_of_sixty(node: yaml.ScalarNode) -> None:
    if ":" in node.value:
        _refuse(f"{_written(node)} is a number in parts of sixty to YAML; write it as a decimal", node.start_mark)


def _refuse(problem: str, mark: yaml.Mark) -> None:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
