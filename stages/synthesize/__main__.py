"""`python -m stages.synthesize`: see stages/synthesize/node.py."""

from redenoise.dag.config import for_each_node
from redenoise.support.errors import run_cli
from stages.synthesize.node import synthesize


def main() -> None:
    """Command line of the stage."""
    for_each_node("synthesize", "Make the noisy test sets.", synthesize)


if __name__ == "__main__":
    run_cli(main)
