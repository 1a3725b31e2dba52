"""`python -m stages.train`: see stages/train/node.py."""

import argparse
from pathlib import Path

from redenoise.dag.command_line import launch


def options(parser: argparse.ArgumentParser) -> None:
    """What only trainings of families take."""
    parser.add_argument("--model", help="train this model of the family alone, and leave it as a checkpoint")
    text = "released weights to start from where there is no checkpoint; the optimiser starts anew at their step"
    parser.add_argument("--continue-from", type=Path, metavar="FILE", help=text)
    parser.add_argument("--checkpoint-seconds", type=float, metavar="S")


if __name__ == "__main__":
    launch("train", "Train or import the weights of the families.", options, alone=("model", "continue_from"))
