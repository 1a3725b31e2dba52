"""The report of whatever is measured so far.

Tables, notes and pages of a scale as the report of a whole run has them, in the same folder. Cells of nodes that have
not run say "not measured yet" and name the command that measures them. Once all nodes have run, Snakemake and DVC make
the whole report over it.
"""

from redenoise.commands.parsing import parser
from redenoise.dag.config import load_config
from stages.report.node import run_so_far


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if a result that is there is malformed."""
    run_so_far(load_config(parser("report", __doc__).parse_args(arguments).scale))
