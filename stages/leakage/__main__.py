"""`python -m stages.leakage`: see stages/leakage/node.py."""

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import run_cli
from stages.leakage.node import check


def main() -> None:
    """Command line of the check."""
    arguments = stage_parser("leakage", "Check test against training images.", False).parse_args()
    check(load_config(arguments.scale))


if __name__ == "__main__":
    run_cli(main)
