"""The command lines of the stages: `python -m stages.<stage> [--scale NAME] [--only KEY] [--shard I/N]`.

A stage's folder holds `node.py` with a function `run(config, key, ...)` that makes one node, and `__main__.py`, which
says with what words. No result depends on anything here.
"""

import argparse
from collections.abc import Callable
from typing import Any

from redenoise.dag.config import load_config
from redenoise.dag.shards import parsed
from redenoise.dag.table import BY_NAME
from redenoise.support.errors import UserError, run_cli
from redenoise.support.start import imported


def launch(
    stage: str,
    description: str,
    options: Callable[[argparse.ArgumentParser], Any] = lambda parser: None,
    alone: tuple[str, ...] = (),
) -> None:
    """Read the command line of a stage and make one node, or all of them; what a user can mend ends it with one line.

    Args:
        description: one sentence for `--help`.
        options: adds what only this stage takes; `run` then gets all arguments besides the node's key.
        alone: those of them that are for one node, and need `--only`.
    """
    run_cli(lambda: _main(stage, description, options, alone))


def _main(stage: str, description: str, options: Callable[[argparse.ArgumentParser], Any], alone: tuple) -> None:
    spec = BY_NAME[stage]
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=description)
    parser.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    if spec.section:
        parser.add_argument(
            "--only", metavar="KEY", help=f"one node, an entry of {spec.section} (default: all of them)"
        )
    if spec.sharded:
        text = "make only the I-th of N shares, and leave it for the run of the whole node"
        parser.add_argument("--shard", metavar="I/N", help=text)
    before = set(vars(parser.parse_args([])))
    options(parser)
    arguments = parser.parse_args()
    for name in (*alone, *(["shard"] if spec.sharded else [])):
        if getattr(arguments, name) is not None and not arguments.only:
            option = name.replace("_", "-")
            raise UserError(f"--{option} is for one node; add --only KEY, its name under {spec.section} in params.yaml")
    extra: list[Any] = [arguments] if set(vars(arguments)) > before else []
    if spec.sharded:
        extra = [None if arguments.shard is None else parsed(arguments.shard)]
    config = load_config(arguments.scale)
    run = imported(f"stages.{stage}.node").run
    if not spec.section:
        run(config, *extra)
        return
    for key in [arguments.only] if arguments.only else config.keys(stage):
        run(config, key, *extra)
