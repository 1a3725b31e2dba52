"""`python -m stages.released`: see stages/released/node.py."""

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import run_cli
from stages.released.node import index_released


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("released", "Index the released weights.", keyed=False)
    index_released(load_config(parser.parse_args().scale))


if __name__ == "__main__":
    run_cli(main)
