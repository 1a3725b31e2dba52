"""The whole DAG by Snakemake, with the time that is left, and what came out of it.

What Snakemake says goes into `build/<scale>/logs/snakemake.log`. Interrupted, the same command goes on.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from redenoise.commands.diff import layout as moved
from redenoise.commands.diff import sides
from redenoise.commands.diff.command import WORKING_TREE, between
from redenoise.commands.parsing import parser
from redenoise.commands.plan.differences import judge
from redenoise.commands.plan.estimates import Estimator
from redenoise.dag import graph, paths
from redenoise.dag.config import Config, load_config
from redenoise.document import inline, store
from redenoise.document.model import Document, Items, Table
from redenoise.sources.disk import problem
from redenoise.sources.stores import StoreFile, load_items, load_store
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.progress import progress
from stages.download.node import uses_store
from stages.report.results import AVERAGE

LOOKS = 1.0  # seconds between two looks at which nodes have finished
BEGINS = 2.0  # seconds that a node takes besides its work, to import what it needs
TAIL = 30  # lines of a failed run's log that are shown
Waiting = dict[Path, float]  # the record of a node that will run, and the seconds that it is expected to take


def main(arguments: list[str] | None = None) -> None:
    """Command line; exits with Snakemake's code if that failed."""
    options = parser("reproduce", __doc__)
    options.add_argument("--cores", default="all", help="how many Snakemake may use (default: all)")
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    waiting = expected(config)
    print(announced(config, waiting), flush=True)
    log = paths.build(config.scale) / "logs/snakemake.log"
    command = [sys.executable, "-m", "snakemake", "--cores", given.cores, "--config", f"scale={config.scale}"]
    if code := followed(command, log, waiting, f"reproduce {config.scale}"):
        print("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]), file=sys.stderr)
        print(f"error: {log}: Snakemake ended with {code}; mend what it says and start again", file=sys.stderr)
        sys.exit(code)
    print(summary(config))


def expected(config: Config) -> Waiting:
    """The nodes that would run, by their records, and what each would take; as good as none where nobody knows."""
    dag = graph.load(config)
    estimator = Estimator(config, dag)
    runs = (verdict.node for verdict in judge(config, dag).values() if verdict.runs)
    return {Path(node.record): BEGINS + (estimator.cost(node)[0].seconds or 0.0) for node in runs}


def announced(config: Config, waiting: Waiting) -> str:
    """What a run would do, and how much it would fetch."""
    size = missing_bytes(config) / 1e6
    fetched = f"{size:.0f} MB to fetch or to copy from a mirror" if size else "nothing to fetch"
    return f"scale {config.scale}: {len(waiting)} nodes will run, {fetched}"


def missing_bytes(config: Config) -> int:
    """Size of the files that the data sets and weights of a scale list and that are not in place."""
    absent: dict[Path, StoreFile] = {}
    for key in config.keys("download"):
        listed = load_store(config.entry("download", key)["store"])
        if uses_store(config, key) and not listed.by_hand:
            absent |= {item.file.target: item.file for item in load_items(key, listed)}
    return sum(file.bytes for target, file in absent.items() if problem(target, file) == "missing")


def followed(command: list[str], log: Path, waiting: Waiting, what: str) -> int:
    """Run a command with its output in a file, show how far the nodes are, and return its exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    begun, total = time.time(), sum(waiting.values())
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as process:
        done = 0.0

        def left() -> str:
            spent = time.time() - begun
            return f"about {(total - done) * spent / done / 60:.0f} min of work left" if done else ""

        for record in progress(_finished(waiting, process, begun), len(waiting), what, "node", status=left):
            done += waiting[record]
        return process.wait()


def _finished(waiting: Waiting, process: subprocess.Popen, begun: float) -> Iterator[Path]:
    """The records of nodes as they are written, until the process has ended."""
    open_ones, ended = set(waiting), False
    while open_ones and not ended:
        ended = process.poll() is not None  # asked for first: what it wrote at last is still seen
        written = {path for path in open_ones if path.exists() and path.stat().st_mtime >= begun}
        yield from sorted(written)
        open_ones -= written
        if not written:
            time.sleep(LOOKS)


def summary(config: Config) -> str:
    """What was found, what is measured for real, how it compares with the committed reports, and where to look."""
    folder = paths.reports(config.scale)
    overview, photographs = (store.read(folder / f"{name}.json") for name in ("overview", "photographs"))
    items = next(block for block in overview.section("").blocks if isinstance(block, Items))
    lines = [inline.plain(item) for item in items.texts]
    lines += [*_averages(photographs), agreement(config), f"report: {folder / 'overview.md'}"]
    return "\n".join(lines)


def _averages(page: Document) -> Iterator[str]:
    """The averages over real photographs, one line a noise level."""
    for table in (block for section in page.sections for block in section.blocks if isinstance(block, Table)):
        for row in table.records():
            if row.get("image") == AVERAGE:
                found = ", ".join(f"{name} {value}" for name, value in row.items() if name not in ("σ", "image"))
                yield f"Photographs at sigma {row['σ']}, PSNR in dB: {found}"


def agreement(config: Config) -> str:
    """Whether the reports are those of the last commit."""
    try:
        moves = between("HEAD", sides.reader("HEAD"), WORKING_TREE, sides.reader(WORKING_TREE), config.scale)
    except (UserError, Unavailable) as error:
        return f"Committed reports: cannot be compared: {error}"
    if not moves:
        return "Committed reports: every cell is the same"
    return f"Committed reports: {moved.summary(config.scale, moves)} `redenoise diff HEAD` says why"
