"""`python -m stages.cascade`: see stages/cascade/node.py."""

from redenoise.dag.config import load_config, stage_parser
from redenoise.support.errors import UserError, run_cli
from redenoise.training.run import CHECKPOINT_SECONDS
from stages.cascade.node import cascade


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("cascade", "Train denoisers through the frozen networks of the high-level tasks.")
    parser.add_argument("--model", help="train this denoiser of the cascade alone, and leave it as a checkpoint")
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS, metavar="S")
    arguments = parser.parse_args()
    if arguments.model and not arguments.only:
        raise UserError("--model is for one cascade; add --only KEY, the cascade's name in params.yaml")
    config = load_config(arguments.scale)
    for key in [arguments.only] if arguments.only else config.keys("cascade"):
        cascade(config, key, arguments)


if __name__ == "__main__":
    run_cli(main)
