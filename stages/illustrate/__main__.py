"""`python -m stages.illustrate`: see stages/illustrate/node.py."""

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import run_cli
from stages.illustrate.node import illustrate


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("illustrate", "Make the figures that consist of images.", keyed=False)
    illustrate(load_config(parser.parse_args().scale))


if __name__ == "__main__":
    run_cli(main)
