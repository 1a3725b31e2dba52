"""Hand a finished Snakemake run over to DVC.

DVC takes whatever lies in the outputs for the result of today's inputs when it is told to commit. So every output's
provenance is first held against today's parameters, code, inputs and outputs; one difference, and nothing is
committed. Nor is it if dvc.yaml does not name everything that the report reads: DVC would then not see it change. The
scale is that of params.yaml, since that is the one DVC reads.
"""

import subprocess
import sys
from pathlib import Path

from redenoise.commands.parsing import parser
from redenoise.commands.plan.differences import Checkout, Difference
from redenoise.commands.plan.differences import differences as node_differences
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config, read_yaml
from redenoise.support.errors import UserError
from stages.report.node import inputs

SHOWN = 5
DVC_FILE = Path("dvc.yaml")


def undeclared(config: Config) -> list[str]:
    """What the report reads and dvc.yaml does not name among the report's `deps`, as it would stand there.

    Raises:
        UserError: dvc.yaml is missing, is no YAML, or has no `deps` of a stage `report`.
    """
    try:
        deps = read_yaml(DVC_FILE)["stages"]["report"]["deps"]
        declared = {str(dep).replace("${scale}", config.scale) for dep in deps}
    except (KeyError, TypeError):
        raise UserError(f"{DVC_FILE}: no deps of the stage report, expected a list of them; restore the file") from None
    names = [path.as_posix() for path in inputs(config)]
    folder = f"{paths.build(config.scale).as_posix()}/"
    return [name.replace(folder, "build/${scale}/", 1) for name in names if name not in declared]


def differences(config: Config) -> list[str]:
    """What keeps the outputs of today's checkout from being those of today's inputs, one line for each fact."""
    checkout = Checkout(config)
    found = []
    for stage, key in [*config.nodes(), ("report", None)]:
        path = paths.provenance(config.scale, stage, key)
        found += [_line(path, fact) for fact in node_differences(checkout, stage, key)]
    return list(dict.fromkeys(found))


def _line(path: Path, fact: Difference) -> str:
    """One line for a fact about the node with the record `path`; the same line for all its parameters or sources."""
    made = {"parameter": "with other parameters", "source": "by other code", "package": "with other package versions"}
    if fact.kind in made:
        return f"{path}: made {made[fact.kind]} than today's"
    return f"{path}: {fact.state}" if fact.kind == "record" else f"{fact.name}: {fact.state} since {path}"


def record() -> None:
    """Check everything, then run `dvc commit`.

    Raises:
        UserError: dvc.yaml lacks an input of the report, an output is not that of today's inputs, or DVC is not
            installed or fails.
    """
    config = load_config()
    if missing := undeclared(config):
        lines = ", ".join(missing)
        raise UserError(f"{DVC_FILE}: not recorded: the deps of the stage report lack {lines}; add these lines")
    found = differences(config)
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(f"not recorded: {'; '.join(found[:SHOWN])}{more}; run `snakemake --cores all` first")
    try:
        result = subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], check=False)
    except OSError as error:
        raise UserError(f"dvc could not be started ({error}); install it with `make setup`") from None
    if result.returncode != 0:
        raise UserError("dvc commit failed, see above; nothing else was changed")
    print(f"recorded: {len(config.nodes()) + 1} nodes of scale {config.scale} are committed to DVC")


def main(arguments: list[str] | None = None) -> None:
    """Command line of the step."""
    parser("record", __doc__, scale=False).parse_args(arguments)
    record()
