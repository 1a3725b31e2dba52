"""Parameters of the proposed networks: `python -m stages.architecture.node [--scale SCALE]`.

Output: `build/<scale>/results/architecture.csv`, one row per family, counted as table I of Liu et al. 2020 counts them.
Always the networks of params.yaml, also where a scale trains miniatures of them: a count needs neither data nor time.
"""

import torch

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config, stage_parser
from redenoise.measure.denoising import write_results
from redenoise.models import denoisers
from redenoise.models.denoisers.multiscale import count_parameters
from redenoise.support.errors import run_cli


def count(config: Config) -> None:
    """Write the counts of every family of the network `multiscale`."""
    result = paths.results(config.scale, "architecture")
    with provenance.recorded(config, "architecture", None, [], [result]):
        rows = []
        for key, entry in config.params["families"].items():
            if entry["network"]["name"] != "multiscale":
                continue
            with torch.device("meta"):  # shapes without memory
                network = denoisers.build(entry["network"])
            common = {"dataset": "", "item": key, "condition": "", "method": "Proposed"}
            rows.append({**common, "metric": "params", "unit": "count", "value": str(count_parameters(network))})
        write_results(result, rows)


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("evaluate.architecture", "Count the parameters of the networks.", keyed=False)
    count(load_config(parser.parse_args().scale))


if __name__ == "__main__":
    run_cli(main)
