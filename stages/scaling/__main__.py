"""How planning scales with the grid: `python -m stages.scaling [--times 1 10 100] [--limit SECONDS]`.

Output: reports/scaling.md, and the figures behind it as reports/scaling.json.
"""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from stages.common.errors import UserError, run_cli
from stages.common.files import write_json, write_text
from stages.scaling.report import render
from stages.scaling.run import measure

OUTPUT = Path("reports/scaling.md")


def main() -> None:
    """Command line of the measurement."""
    parser = argparse.ArgumentParser(prog="python -m stages.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="paper", help="a file of workflow/scales (default: paper)")
    text = "sizes of the grid, as multiples of the scale's own (default: 1 10 100)"
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100], metavar="N", help=text)
    text = "seconds of processor time after which a command is ended (default: 600)"
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help=text)
    parser.add_argument("--without-slurm", action="store_true", help="leave out the run through the Slurm profile")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help=f"default: {OUTPUT}")
    arguments = parser.parse_args()
    if min(arguments.times) < 1:
        raise UserError(f"--times: found {min(arguments.times)}, expected at least 1; raise it")
    if not 1 <= arguments.limit < float("inf"):
        raise UserError(f"--limit: found {arguments.limit:g}, expected at least 1; raise it")
    signal.signal(signal.SIGTERM, _end)
    sizes = sorted(set(arguments.times))
    record = measure(arguments.scale, sizes, arguments.limit, not arguments.without_slurm, _say)
    write_json(arguments.output.with_suffix(".json"), record)
    write_text(arguments.output, render(record))
    print(f"report: {arguments.output}")


def _end(number: int, frame: FrameType | None) -> None:
    """As an interrupt ends it: with the command that is being measured."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_cli(main)
