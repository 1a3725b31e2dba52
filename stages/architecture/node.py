"""Parameters of the proposed networks: `python -m stages.architecture [--scale SCALE]`.

Output: `build/<scale>/results/architecture.csv`, one row per family, counted as table I of Liu et al. 2020 counts them.
Always the networks of params.yaml, also where a scale trains miniatures of them: a count needs neither data nor time.
"""

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.results import write_results
from redenoise.models import denoisers
from redenoise.models.denoisers.multiscale import count_parameters
from redenoise.support.shapes import without_memory


def run(config: Config) -> None:
    """Write the counts of every family of the network `multiscale`."""
    result = paths.results(config.scale, "architecture")
    with provenance.recorded(config, "architecture"):
        rows = []
        for key, entry in config.params["families"].items():
            if entry["network"]["name"] != "multiscale":
                continue
            with without_memory():
                network = denoisers.build(entry["network"])
            common = {"dataset": "", "item": key, "condition": "", "method": "Proposed"}
            rows.append({**common, "metric": "params", "unit": "count", "value": str(count_parameters(network))})
        write_results(result, rows)
