"""A scratch copy of the project with a larger grid, in which every node only makes its outputs, one line in each."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from stages.common.config import PARAMS, ROOT, SCALES, STAGE_SECTION, Config, load, read_yaml
from stages.common.errors import UserError
from stages.plan.graph import DVC_FILE
from stages.scaling.grid import SECTIONS, multiplied, multiplied_dvc

FOLDERS = ("stages", "workflow", "published", "weights", "reports/spread", ".dvc")
FILES = ("Snakefile", ".dvcignore", ".gitignore")
LINKS = {"profiles": "workflow/profiles", "slurm": "workflow/profiles/slurm"}
LEFT_OUT = shutil.ignore_patterns("__pycache__", "cache", "tmp", "*.local")
SHELL = re.compile(r'^( +)shell:\n(?: +f?"[^\n]*"\n?)+', re.MULTILINE)
STUB = "stub.sh"
# A name with a suffix is a file, one without is a folder with one file in it.
STUB_TEXT = """for path; do
  case "${path##*/}" in
    *.*) mkdir -p "${path%/*}"; echo "$path" > "$path" ;;
    *) mkdir -p "$path"; echo "$path" > "$path/index.csv" ;;
  esac
done
"""


def make(target: Path, scale: str, times: int) -> Config:
    """Write the copy; returns the configuration of its grid. The working directory must be the project's root.

    Raises:
        UserError: a rule's shell command was not found where it was looked for.
    """
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=LEFT_OUT)
    for name in FILES:
        shutil.copy(ROOT / name, target)
    for name, place in LINKS.items():
        (target / name).symlink_to(place)
    settings = load(scale)
    names = {key for section in SECTIONS for key in settings.params[section]}
    params = multiplied(settings.params, times)
    description = multiplied_dvc(read_yaml(DVC_FILE), names, times)
    for body in description["stages"].values():
        node = body.get("do", body)
        node["cmd"] = f"sh {STUB} {' '.join(out if isinstance(out, str) else next(iter(out)) for out in node['outs'])}"
    (target / PARAMS).write_text(params_text(params), encoding="utf-8")
    (target / DVC_FILE).write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    (target / STUB).write_text(STUB_TEXT, encoding="utf-8")
    _replace_commands(target)
    # Shards are no nodes; how many there are goes with recorded costs, and copies of nodes have none.
    whole = {**settings.settings, "shard_minutes": None}
    (target / SCALES / f"{scale}.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    return Config(scale, params, whole)


def params_text(params: dict[str, Any]) -> str:
    """The content of params.yaml."""
    return yaml.safe_dump(params, sort_keys=False)


def _replace_commands(target: Path) -> None:
    """Put the stub in place of the command of every rule, and see that none was missed."""
    found = 0
    for path in sorted((target / "workflow/rules").glob("*.smk")):
        command = rf'\1shell:\n\1    "sh {STUB} {{output}} > {{log}} 2>&1"\n'
        text, count = SHELL.subn(command, path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        found += count
        if "python -m" in text or count != len(re.findall(r"^rule ", text, re.MULTILINE)):
            raise UserError(f"{path.name}: a rule's shell command was not found, expected strings below `shell:`")
    if found < len(STAGE_SECTION):
        raise UserError(f"workflow/rules: found {found} rules, expected at least {len(STAGE_SECTION)}")
