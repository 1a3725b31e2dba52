"""`python -m stages.evaluate`: see stages/evaluate/node.py."""

from redenoise.dag.shards import command_line
from redenoise.support.errors import run_cli
from stages.evaluate.node import evaluate


def main() -> None:
    """Command line of the stage."""
    command_line("evaluate", "Measure the learned denoisers.", "images", evaluate)


if __name__ == "__main__":
    run_cli(main)
