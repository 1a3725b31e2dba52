"""Whether a Slurm cluster has what slurm/cluster.yaml asks for.

Asks sinfo, scontrol, sacctmgr and `sbatch --test-only`, and submits nothing. Prints a line for everything that is wrong
and what to write instead, else where jobs will go.
"""

from pathlib import Path

from redenoise.commands.cluster import check as cluster
from redenoise.commands.cluster import fit, resources
from redenoise.commands.parsing import parser
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError


def check(path: Path | None, scale: str | None) -> str:
    """Hold a cluster file against the cluster; says where jobs will go.

    Raises:
        UserError: something does not fit; the lines above say what. Or the scale is not known.
    """
    scale = load_config(scale).scale
    problems = cluster.check_cluster(path, scale)
    for problem in problems:
        print(problem)
    if problems:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        raise UserError(f"{path or resources.CLUSTER}: {count} at scale {scale}, see above; correct and check again")
    return "\n".join(fit.describe(path, scale))


def main(arguments: list[str] | None = None) -> None:
    """Command line of the check."""
    options = parser("cluster", __doc__)
    text = f"the cluster file (default: {resources.CLUSTER})"
    options.add_argument("--file", type=Path, metavar="FILE", help=text)
    given = options.parse_args(arguments)
    print(check(given.file, given.scale))
