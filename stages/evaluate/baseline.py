"""Classical denoisers on the noisy test sets: `python -m stages.evaluate.baseline [--scale SCALE] [--only KEY]`.

Output as in `stages.evaluate`.
"""

import importlib
from pathlib import Path

from stages.common import config, paths, provenance
from stages.common.errors import UserError, run_cli
from stages.common.files import sha256_file
from stages.evaluate.measure import input_folders, measure, write_results


def baseline(settings: config.Config, key: str) -> None:
    """Denoise one noisy set with one classical method and measure it.

    Raises:
        UserError: the method's package is not installed and `unavailable` is "fail". With "skip" the run has no
            results, and its provenance says why.
    """
    entry = settings.entry("baseline", key)
    result = paths.results(settings.scale, key)
    with provenance.recorded(settings, "baseline", key, list(input_folders(settings, entry)), [result]) as record:
        method = importlib.import_module(f"stages.baselines.{entry['filter']}")
        try:
            parts = {"version": method.version(), "code": sha256_file(Path(str(method.__file__)))}
        except UserError as error:
            if settings.params["unavailable"] != "skip":
                raise
            reason = str(error)
            write_results(result, [])
        else:
            reason = measure(
                settings, "baseline", key, lambda sigma: (lambda noisy: method.denoise(noisy, sigma), parts)
            )
        if reason:
            record["unavailable"] = reason


def main() -> None:
    """Command line of the stage."""
    config.for_each_node("baseline", "Measure the classical denoisers.", baseline, command="evaluate.baseline")


if __name__ == "__main__":
    run_cli(main)
