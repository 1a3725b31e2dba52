"""Hand a finished Snakemake run over to DVC: `redenoise record`.

DVC takes whatever lies in the outputs for the result of today's inputs when it is told to commit. So every output's
record is first held against today's parameters, code, inputs and outputs; one difference, and nothing is committed. Nor
is it if dvc.yaml is not the one that the table of stages describes. The scale is that of params.yaml, since that is the
one DVC reads.
"""

import argparse
import subprocess
import sys

from redenoise.commands import dvc
from redenoise.commands.plan.differences import Checkout, Difference
from redenoise.commands.plan.differences import differences as node_differences
from redenoise.dag import graph
from redenoise.dag.config import Config, load_config
from redenoise.support.errors import UserError

SHOWN = 5


def differences(config: Config) -> list[str]:
    """What keeps the outputs of today's checkout from being those of today's inputs, one line for each fact."""
    checkout = Checkout(config)
    nodes = graph.load(config).nodes
    return list(dict.fromkeys(_line(node.record, fact) for node in nodes for fact in node_differences(checkout, node)))


def _line(path: str, fact: Difference) -> str:
    """One line for a fact about the node with the record `path`; the same line for all its parameters or sources."""
    made = {"parameter": "with other parameters", "source": "by other code", "package": "with other package versions"}
    if fact.kind in made:
        return f"{path}: made {made[fact.kind]} than today's"
    return f"{path}: {fact.state}" if fact.kind == "record" else f"{fact.name}: {fact.state} since {path}"


def record() -> None:
    """Check everything, then run `dvc commit`.

    Raises:
        UserError: dvc.yaml is another than the table of stages describes, an output is not that of today's inputs, or
            DVC is not installed or fails.
    """
    config = load_config()
    dvc.check()
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
    summary = "Check every output's record against today's inputs, then run `dvc commit`."
    argparse.ArgumentParser(prog="redenoise record", description=summary).parse_args(arguments)
    record()
