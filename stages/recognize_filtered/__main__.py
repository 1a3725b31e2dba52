"""`python -m stages.recognize_filtered`: see stages/recognize_filtered/node.py."""

from redenoise.dag.shards import command_line
from redenoise.support.errors import run_cli
from stages.recognize_filtered.node import recognize_filtered


def main() -> None:
    """Command line of the stage."""
    text = "Measure high-level tasks without a network in front."
    command_line("recognize_filtered", text, "parts", recognize_filtered)


if __name__ == "__main__":
    run_cli(main)
