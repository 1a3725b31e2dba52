"""`python -m stages.recognize`: see stages/recognize/node.py."""

from redenoise.dag.shards import command_line
from redenoise.support.errors import run_cli
from stages.recognize.node import recognize


def main() -> None:
    """Command line of the stage."""
    command_line("recognize", "Measure high-level tasks behind learned denoisers.", "parts", recognize)


if __name__ == "__main__":
    run_cli(main)
