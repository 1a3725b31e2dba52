"""Command line of the stage: make the nodes' folders, or list what is there."""

from redenoise.commands import listing
from redenoise.dag.config import load, stage_parser
from redenoise.support.errors import run_cli
from stages.download import node


def main() -> None:
    """Run one node or all of them; with `--list` only show what is there."""
    parser = stage_parser("download", __doc__)
    parser.add_argument("--list", action="store_true", help="show files, sizes, what is verified, and change nothing")
    arguments = parser.parse_args()
    config = load(arguments.scale)
    keys = [arguments.only] if arguments.only else config.keys("download")
    if arguments.list:
        print(listing.table(config, keys))
        return
    for key in keys:
        node.run(config, key)


if __name__ == "__main__":
    run_cli(main)
