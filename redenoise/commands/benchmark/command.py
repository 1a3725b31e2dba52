"""How fast this machine trains and denoises: `redenoise benchmark training`, `methods` or `cascades`."""

import argparse

from redenoise.commands.parsing import parser
from redenoise.support.start import imported

# What is measured: its module here, and what it tells.
KINDS = {
    "training": ("run", "steps per second of training denoisers"),
    "methods": ("methods", "seconds and memory of every method for one image"),
    "cascades": ("cascades", "images per second and memory of joint training and of its evaluation"),
}


def main(arguments: list[str] | None = None) -> None:
    """Command line: hands all options on to the benchmark that is named."""
    options = parser("benchmark", __doc__, scale=False)
    lines = "; ".join(f"{kind}: {line}" for kind, (_, line) in KINDS.items())
    options.add_argument("kind", choices=KINDS, help=lines)
    options.add_argument("options", nargs=argparse.REMAINDER, help="its own, see `redenoise benchmark training --help`")
    given = options.parse_args(arguments)
    imported(f"redenoise.commands.benchmark.{KINDS[given.kind][0]}").main(given.options)
