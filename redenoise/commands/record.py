"""Hand a finished Snakemake run over to DVC: `redenoise record`.

DVC takes whatever lies in the outputs for the result of today's inputs when it is told to commit. So every output's
record is first held against today's parameters, code, inputs and outputs; one difference, and nothing is committed. Nor
is it if dvc.yaml is not the one that the table of stages describes. The scale is that of params.yaml, since that is the
one DVC reads.
"""

import argparse
from typing import Any

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
    commit()
    print(f"recorded: {len(config.nodes()) + 1} nodes of scale {config.scale} are committed to DVC")


def commit() -> None:
    """What `dvc commit --force` does, with each file of parameters parsed once and not once for every node.

    Raises:
        UserError: DVC is not installed, or its commit fails.
    """
    try:
        from dvc.dependency import param
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
    except ImportError as error:
        raise UserError(f"DVC is not installed ({error}); install it with `make setup`") from None
    parse = param.load_path
    known: dict[str, Any] = {}

    def load_path(path: str, fs: Any, **options: Any) -> Any:
        if path not in known:
            known[path] = parse(path, fs, **options)
        return known[path]

    param.load_path = load_path
    try:
        Repo().commit(force=True)
    except DvcException as error:
        raise UserError(f"dvc commit failed: {error}; nothing else was changed") from None
    finally:
        param.load_path = parse


def main(arguments: list[str] | None = None) -> None:
    """Command line of the step."""
    summary = "Check every output's record against today's inputs, then run `dvc commit`."
    argparse.ArgumentParser(prog="redenoise record", description=summary).parse_args(arguments)
    record()
