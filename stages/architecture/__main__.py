"""`python -m stages.architecture`: see stages/architecture/node.py."""

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import run_cli
from stages.architecture.node import count


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("architecture", "Count the parameters of the networks.", keyed=False)
    count(load_config(parser.parse_args().scale))


if __name__ == "__main__":
    run_cli(main)
