"""What a run would do, why, and what it would cost.

Reads params.yaml, the outputs and their provenance, and needs neither engine. Costs are those of the last run
of a node here, else those of workflow/costs.csv, else, for trainings, steps divided by the steps per second of
reports/benchmark/, else the mean of the stage; where nobody has measured, it says `unknown`.
"""

import json
from collections.abc import Sequence

from redenoise.commands.parsing import parser
from redenoise.commands.plan import costs, differences, estimates, layout
from redenoise.commands.plan.shards import Scatter
from redenoise.dag import graph
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from redenoise.support.locks import beside, exclusive


def plan(scale: str | None, shown: layout.Shown, as_json: bool = False, targets: Sequence[str] = ()) -> str:
    """The plan for one scale, as text or as JSON; `targets`: nodes by name or output, default all."""
    config = load_config(scale)
    dag = graph.load(config)
    needed = dag.needed(targets) if targets else dag.by_name.keys()
    found = {name: verdict for name, verdict in differences.judge(config, dag).items() if name in needed}
    estimator = estimates.Estimator(config, dag)
    table = estimates.by_stage(found, estimator)
    each = {name: estimator.cost(verdict.node) for name, verdict in found.items() if verdict.runs}
    shards = Scatter(config).jobs(each)
    if as_json:
        return json.dumps(layout.json_value(config.scale, found, table, each) | {"shards": shards}, indent=2)
    return "\n\n".join(filter(None, (layout.text(config.scale, found, table, each, shown), layout.shards(shards))))


def record_costs(scale: str | None) -> str:
    """Put what the nodes of one scale have cost here into the committed table.

    Raises:
        UserError: nothing was run here at that scale.
    """
    config = load_config(scale)
    with exclusive(beside(costs.TABLE), str(costs.TABLE)):
        count = costs.record(config, graph.load(config).nodes, shards=Scatter(config).count)
    if not count:
        raise UserError(f"build/{config.scale}: no node has been run here, expected some; run the DAG first")
    return f"{costs.TABLE}: {count} nodes of scale {config.scale}"


def main(arguments: list[str] | None = None) -> None:
    """Command line of the plan."""
    options = parser("plan", __doc__)
    options.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="outputs or nodes, with all that they wait for (default: all nodes)",
    )
    options.add_argument("--nodes", action="store_true", help="name every node that would run, with its reason")
    options.add_argument("--costs", action="store_true", help="the cost of every node that would run, dearest first")
    options.add_argument("--json", action="store_true", help="the plan as JSON")
    text = f"put what the nodes have cost here into {costs.TABLE}"
    options.add_argument("--record-costs", action="store_true", help=text)
    parsed = options.parse_args(arguments)
    if parsed.record_costs:
        print(record_costs(parsed.scale))
    else:
        print(plan(parsed.scale, layout.Shown(parsed.nodes, parsed.costs), parsed.json, parsed.targets))
