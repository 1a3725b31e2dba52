"""Parameters of the proposed networks: `python -m stages.evaluate.architecture [--scale SCALE]`.

Output: `build/<scale>/results/architecture.csv`, one row per family, counted as table I of Liu et al. 2020 counts them.
Always the networks of params.yaml, also where a scale trains miniatures of them: a count needs neither data nor time.
"""

import torch

from stages import networks
from stages.common import config, paths, provenance
from stages.common.errors import run_cli
from stages.evaluate.measure import write_results
from stages.networks.multiscale import count_parameters


def count(settings: config.Config) -> None:
    """Write the counts of every family of the network `multiscale`."""
    result = paths.results(settings.scale, "architecture")
    with provenance.recorded(settings, "architecture", None, [], [result]):
        rows = []
        for key, entry in settings.params["families"].items():
            if entry["network"]["name"] != "multiscale":
                continue
            with torch.device("meta"):  # shapes without memory
                network = networks.build(entry["network"])
            common = {"dataset": "", "item": key, "condition": "", "method": "Proposed"}
            rows.append({**common, "metric": "params", "unit": "count", "value": str(count_parameters(network))})
        write_results(result, rows)


def main() -> None:
    """Command line of the stage."""
    parser = config.stage_parser("evaluate.architecture", "Count the parameters of the networks.", keyed=False)
    count(config.load(parser.parse_args().scale))


if __name__ == "__main__":
    run_cli(main)
