"""`python -m tests.chaos --seed S --runs N [--kills K]`: kill what runs, start it again, compare what comes out.

A checkout of the project with a small grid is run once undisturbed, then N times from nothing with at least K kills at
moments that the seed and the run's number decide: of single processes and of all at once, by SIGKILL, SIGTERM and
SIGINT. In every tenth run a bit of a kept image flips besides, and a clock is ahead for a while. Every byte of the
results, weights and reports must be that of the undisturbed run, and nothing else may be left: no lock, no temporary
file, no process. One line for each run; the exit status is 1 if any differed.

    python -m tests.chaos --seed 0 --runs 5 --first 20      # the runs 20 to 24 of seed 0
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import Campaign


def main() -> None:
    """Read the command line, run, and print a line for each run and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--kills", type=int, default=3, help="in each run")
    text = "keeps the undisturbed run for the next call, and the checkouts of runs that differed"
    parser.add_argument("--reference", type=Path, metavar="FOLDER", help=text)
    parser.add_argument("targets", nargs="*", help="what Snakemake is asked for; nothing for all")
    options = parser.parse_args()
    # Whoever starts this in the background may have it ignore SIGINT, and all that it starts with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        reference = options.reference or Path(temporary)
        campaign = Campaign(options.seed, options.kills, Path(temporary), reference, tuple(options.targets))
        sys.exit(1 if report(campaign, options.first, options.runs) else 0)


def report(campaign: Campaign, first: int, count: int) -> int:
    """Run the campaign, print how it goes, and return how many runs differed."""
    begun, kills, hung, differed = time.monotonic(), 0, 0, 0
    for number, run in campaign.runs(first, count):
        verdict = run.problem or "same bytes"
        hanging = [f"{run.hung} times SIGKILL after a SIGTERM that hung Snakemake"] if run.hung else []
        done = "; ".join([*run.kills, *run.tricks, *hanging, f"{run.seconds:.0f} s"])
        print(f"run {campaign.seed}.{number}: {done}: {verdict}", flush=True)
        kills, hung, differed = kills + len(run.kills), hung + run.hung, differed + bool(run.problem)
    seconds = time.monotonic() - begun
    verdict = f"{count - differed} with the same bytes, {differed} without"
    print(f"{count} runs, {kills} kills, {hung} times a hung Snakemake, {seconds:.0f} s: {verdict}")
    return differed


if __name__ == "__main__":
    main()
