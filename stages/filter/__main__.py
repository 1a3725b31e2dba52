"""`python -m stages.filter`: see stages/filter/node.py."""

from redenoise.dag.shards import command_line
from redenoise.support.errors import run_cli
from stages.filter.node import classical


def main() -> None:
    """Command line of the stage."""
    command_line("filter", "Measure the classical denoisers.", "images", classical)


if __name__ == "__main__":
    run_cli(main)
