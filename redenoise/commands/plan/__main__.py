"""What a run would do, why, and what it would cost: `python -m redenoise.commands.plan [--scale S] [--nodes] [--json]`.

Reads params.yaml, dvc.yaml, the outputs and their provenance, and needs neither engine. Costs are those of the last run
of a node here, else those of workflow/costs.csv, else, for trainings, steps divided by the steps per second of
reports/benchmark/, else the mean of the stage; where nobody has measured, it says `unknown`.
"""

import argparse
import json
from pathlib import Path

from redenoise.commands.plan import costs, estimates, layout, verdicts
from redenoise.commands.plan.shards import Scatter
from redenoise.dag import graph
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError, run_cli


def plan(scale: str | None, every_node: bool, as_json: bool) -> str:
    """The plan for one scale, as text or as JSON."""
    config = load_config(scale)
    dag = graph.load(config)
    found = verdicts.judge(config, dag)
    table = estimates.by_stage(found, estimates.Estimator(config, dag))
    shards = Scatter(config).jobs(name for name, verdict in found.items() if verdict.runs)
    if as_json:
        return json.dumps(layout.json_value(config.scale, found, table) | {"shards": shards}, indent=2)
    return "\n\n".join(filter(None, (layout.text(config.scale, found, table, every_node), layout.shards(shards))))


def record_costs(scale: str | None) -> str:
    """Put what the nodes of one scale have cost here into the committed table.

    Raises:
        UserError: nothing was run here at that scale.
    """
    config = load_config(scale)
    count = costs.record(config, graph.load(config).nodes, shards=Scatter(config).count)
    if not count:
        raise UserError(f"build/{config.scale}: no node has been run here, expected some; run the DAG first")
    return f"{costs.TABLE}: {count} nodes of scale {config.scale}"


def check(path: Path | None, scale: str | None) -> str:
    """Hold a site file of the Slurm profile against the cluster; says where jobs will go.

    Raises:
        UserError: something does not fit; the lines above say what. Or the scale is not known.
    """
    from redenoise.commands.cluster import check as site
    from redenoise.commands.cluster import fit, resources  # here: a plan needs no cluster

    scale = load_config(scale).scale
    problems = site.check_site(path, scale)
    for problem in problems:
        print(problem)
    if problems:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        raise UserError(f"{path or resources.SITE}: {count} at scale {scale}, see above; correct and check again")
    return "\n".join(fit.describe(path, scale))


def main() -> None:
    """Command line of the plan."""
    parser = argparse.ArgumentParser(prog="python -m redenoise.commands.plan", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    parser.add_argument("--nodes", action="store_true", help="name every node that would run, with its reason")
    parser.add_argument("--json", action="store_true", help="the plan as JSON")
    text = f"put what the nodes have cost here into {costs.TABLE}"
    parser.add_argument("--record-costs", action="store_true", help=text)
    text = "compare a site file (default: that of the Slurm profile) with the cluster, and plan nothing"
    parser.add_argument("--check-site", nargs="?", const="", metavar="FILE", help=text)
    arguments = parser.parse_args()
    if arguments.check_site is not None:
        print(check(Path(arguments.check_site) if arguments.check_site else None, arguments.scale))
    elif arguments.record_costs:
        print(record_costs(arguments.scale))
    else:
        print(plan(arguments.scale, arguments.nodes, arguments.json))


if __name__ == "__main__":
    run_cli(main)
