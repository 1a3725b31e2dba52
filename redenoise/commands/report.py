"""The report of whatever is measured so far.

Tables, notes and pages of a scale as the report of a whole run has them, in build/<scale>/report/. The committed ones
in reports/ stay, as they may hold more than this build has measured. Cells of nodes that have not run say "not measured
yet" and name the command that measures them.
"""

from pathlib import Path

from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.dag.table import MEASURING
from stages.report import history
from stages.report.node import run_so_far
from stages.report.times import FOLDER


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if a result that is there is malformed."""
    options = parser("report", __doc__)
    options.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/<scale>/report")
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    run_so_far(config, given.output or paths.build(config.scale) / "report")
    if not any(record["stage"] in MEASURING for record in history.so_far(config).values()):
        print(f"nothing is measured yet at scale {config.scale}; --scale names another one, such as --scale bench")
    print(f"run times in it are of no run here: they are those committed in {FOLDER}")
