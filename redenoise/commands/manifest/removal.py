"""Taking a test set out again: its entries in params.yaml and stores.yaml, and its lists."""

import re
from pathlib import Path
from typing import Any

import yaml

from redenoise.dag.config import PARAMS, load_config
from redenoise.sources.stores import load_stores, manifest_path, stores_path, subset_path
from redenoise.support.errors import UserError, choices
from redenoise.support.files import all_or_nothing, write_text

ABOUT = {"pairs": "test", "evaluations": "dataset", "filters": "dataset"}  # sections of entries about one set
NAMING = ("store", "dataset", "data", "validation")  # fields of others that name one
LINE = re.compile(r" {0,2}['\"]?([\w-]+)['\"]?:")  # that an entry or a section begins with


def remove(name: str) -> str:
    """Take out all that `redenoise manifest` has written or printed of a test set; returns what to say about it.

    Raises:
        UserError: no set of this name was made of a folder, or other entries still use it; nothing has changed then.
    """
    known = load_stores()
    made = [key for key, entry in known.items() if isinstance(entry, dict) and "folder" in entry]
    if name not in made:
        why = "a store of the project itself" if name in known else "no test set"
        names = choices(name, made) if made else "none was"
        raise UserError(f"--remove {name!r}: {why}, expected one that was made of a folder; {names}")
    params = load_config().params
    own = _own(params, name)
    users = [f"{PARAMS}: {user}" for user in _users(params, name, own)]
    users += [f"{stores_path()}: {key}" for key, entry in known.items() if name in (entry or {}).get("stores", ())]
    if users:
        raise UserError(f"--remove {name!r}: {', '.join(users)} use it; take these entries out first")
    lists = [path for path in (manifest_path(name), subset_path(name)) if path.exists()]
    texts = {PARAMS: _without(PARAMS, own), stores_path(): _without(stores_path(), {"": [name]})}
    with all_or_nothing([*texts, *lists]):
        for path, text in texts.items():
            write_text(path, text)
        load_config()  # nothing else leads there
        for path in lists:
            path.unlink()
    entries = [f"{section}.{key}" for section, keys in own.items() for key in keys]
    gone = f"{PARAMS}: {', '.join(entries) or 'nothing'} taken out; {stores_path()}: {name} taken out"
    return f"{gone}; removed {', '.join(map(str, lists)) or 'no list'}"


def _own(params: dict[str, Any], name: str) -> dict[str, list[str]]:
    """Keys of the entries that are about a set alone, by section."""
    own = {section: [name] for section in ("downloads", "noisy") if name in params[section]}
    about = {s: [key for key, entry in params[s].items() if entry[field] == name] for s, field in ABOUT.items()}
    return own | {section: keys for section, keys in about.items() if keys}


def _users(params: dict[str, Any], name: str, own: dict[str, list[str]]) -> list[str]:
    """The other entries that name a set."""
    return [
        f"{section}.{key}"
        for section, entries in params.items()
        if isinstance(entries, dict)
        for key, entry in entries.items()
        if key not in own.get(section, ()) and _names(entry, name)
    ]


def _names(entry: Any, name: str) -> bool:
    if not isinstance(entry, dict):
        return bool(entry == name)
    return name in entry.get("overlaps", ()) or any(entry.get(field) == name for field in NAMING)


def _without(path: Path, own: dict[str, list[str]]) -> str:
    """The text of a YAML file without some entries of its sections; those of section "" are sections themselves.

    Raises:
        UserError: it is laid out otherwise than a line, or lines further in, for each entry.
    """
    text = path.read_text(encoding="utf-8")
    kept, section, dropped = [], "", False
    for line in text.splitlines(keepends=True):
        begins = LINE.match(line)
        key = begins[1] if begins else ""  # none of a comment
        if line[0] not in " \n":
            section, dropped = key or section, key in own.get("", ())
        elif line[:2] == "  " and line[2:3] not in (" ", ""):
            dropped = section in own.get("", ()) or key in own.get(section, ())
        if not dropped or not line.strip():
            kept.append(line)
    found = re.sub(r"\n{3,}", "\n\n", "".join(kept)).rstrip() + "\n"
    expected = yaml.safe_load(text)
    for part, keys in own.items():
        for key in keys:
            del (expected[part] if part else expected)[key]
    if yaml.safe_load(found) != expected:
        names = ", ".join(f"{part}.{key}".lstrip(".") for part, keys in own.items() for key in keys)
        raise UserError(f"{path}: expected each entry on lines of its own; take out by hand: {names}")
    return found
