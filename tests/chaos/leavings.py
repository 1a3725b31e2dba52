"""What a run leaves behind: every file by name, and the bytes of all that is not allowed to differ between runs."""

import json
import shutil
from pathlib import Path

from redenoise.support.files import sha256_bytes, sha256_file

# Everything that a run makes. What was started and not ended lies in one of these folders, if anywhere.
MADE = ("build", "reports", "data")
# Tell of one run: its seconds, its machine, what its stages wrote to the terminal.
MARK = ".snakemake_timestamp"  # put by Snakemake into the folders that it has seen made
FINISHED = ".finished.safetensors"  # of a training: beside its weights how long it took, and its restarts
OWN = ("build/demo/provenance/", "build/demo/report.json", "build/demo/logs/", "reports/demo/provenance.")


def clean(folder: Path) -> None:
    """Make a checkout as it was before its first run."""
    for name in (*MADE, ".snakemake"):
        shutil.rmtree(folder / name, ignore_errors=True)


def leavings(folder: Path) -> dict[str, str]:
    """By name every file's SHA-256, empty for those of `OWN`, and for folders that only exist during a stage."""
    found = {}
    for path in (path for name in MADE for path in (folder / name).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.name != MARK:
            found[name] = "" if name.startswith(OWN) else tensors(path) if FINISHED in name else sha256_file(path)
        elif path.suffix in (".new", ".old"):
            found[name] = ""
    return found


def tensors(path: Path) -> str:
    """SHA-256 of what a file holds in the format of safetensors, without what stands beside its tensors."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = {name: place for name, place in json.loads(data[8:end]).items() if name != "__metadata__"}
    return sha256_bytes(json.dumps(header, sort_keys=True).encode() + data[end:])


def difference(expected: dict[str, str], found: dict[str, str]) -> str:
    """The first difference in words, empty if there is none."""
    for name in sorted({*expected, *found}):
        if name not in found:
            return f"{name}: missing"
        if name not in expected:
            return f"{name}: left behind"
        if expected[name] != found[name]:
            return f"{name}: other bytes"
    return ""
