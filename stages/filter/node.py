"""Classical denoisers on the noisy test sets.

`python -m stages.filter.node [--scale SCALE] [--only KEY [--shard I/N]]`. Output as in `stages.evaluate`.
"""

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.shards import Shard, command_line, working
from redenoise.measure.denoising import input_folders, measure, nothing
from redenoise.models import filters
from redenoise.support.errors import UserError, run_cli


def baseline(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one classical method and measure it; with a `shard`, only denoise that share.

    Raises:
        UserError: the method's package is not installed and `unavailable` is "fail". With "skip" the run has no
            results, and its provenance says why. Or the module or its result is not as `models.filters` expects.
    """
    entry = config.entry("baseline", key)
    inputs, results = list(input_folders(config, entry)), [paths.results(config.scale, key)]
    with working(config, "baseline", key, inputs, results, shard) as work:
        method = filters.load(entry["filter"])
        try:
            parts = filters.parts_of(method)
        except UserError as error:
            if config.params["unavailable"] != "skip":
                raise
            nothing(config, key, work, str(error))
            return
        measure(config, "baseline", key, filters.denoiser_for(method, parts), work)


def main() -> None:
    """Command line of the stage."""
    command_line("baseline", "Measure the classical denoisers.", "images", baseline)


if __name__ == "__main__":
    run_cli(main)
