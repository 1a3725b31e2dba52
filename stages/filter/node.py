"""Classical denoisers on the noisy test sets.

`python -m stages.filter [--scale SCALE] [--only KEY [--shard I/N]]`. Output as in `stages.evaluate`.
"""

from redenoise.dag.config import Config
from redenoise.dag.shards import Shard, working
from redenoise.measure.denoising import left_out, measure, nothing
from redenoise.measure.filtering import filtered
from redenoise.measure.torch_mode import set_mode
from redenoise.models import filters
from redenoise.support.errors import UserError


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one classical method and measure it; with a `shard`, only denoise that share.

    Raises:
        UserError: the method's package is not installed and `unavailable` is "fail". With "skip" the run has no
            results, and its provenance says why. Or the module or its result is not as `models.filters` expects.
    """
    entry = config.entry("filter", key)
    set_mode("reference", config.settings["threads"])
    with working(config, "filter", key, shard) as work:
        if reason := left_out(config, entry):
            nothing(config, key, work, reason)
            return
        method = filters.load(entry["filter"])
        try:
            parts = filters.parts_of(method)
        except UserError as error:
            if config.params["unavailable"] != "skip":
                raise
            nothing(config, key, work, str(error))
            return
        measure(config, "filter", key, filtered(method, parts), work)
