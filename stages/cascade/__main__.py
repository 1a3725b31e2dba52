"""`python -m stages.cascade`: see stages/cascade/node.py."""

import argparse

from redenoise.dag.command_line import launch


def options(parser: argparse.ArgumentParser) -> None:
    """What only trainings of cascades take."""
    parser.add_argument("--model", help="train this denoiser of the cascade alone, and leave it as a checkpoint")
    parser.add_argument("--checkpoint-seconds", type=float, metavar="S")


if __name__ == "__main__":
    launch("cascade", "Train denoisers through the frozen networks of the high-level tasks.", options, alone=("model",))
