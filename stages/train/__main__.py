"""`python -m stages.train`: see stages/train/node.py."""

from pathlib import Path

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import UserError, run_cli
from redenoise.training.run import CHECKPOINT_SECONDS
from stages.train.node import train


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("train", "Train or import the weights of the families.")
    parser.add_argument("--model", help="train this model of the family alone, and leave it as a checkpoint")
    text = "released weights to start from where there is no checkpoint; the optimiser starts anew at their step"
    parser.add_argument("--continue-from", type=Path, metavar="FILE", help=text)
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS, metavar="S")
    arguments = parser.parse_args()
    for option in ("model", "continue_from"):
        if getattr(arguments, option) and not arguments.only:
            name = option.replace("_", "-")
            raise UserError(f"--{name} is for one family; add --only KEY, the family's name in params.yaml")
    config = load_config(arguments.scale)
    for key in [arguments.only] if arguments.only else config.keys("train"):
        train(config, key, arguments)


if __name__ == "__main__":
    run_cli(main)
