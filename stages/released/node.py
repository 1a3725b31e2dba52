"""The weights that this project released, checked and indexed: `python -m stages.released [--scale SCALE]`.

Output: `build/<scale>/data/released/` with the files of weights/ and `index.csv`; an id is a file's name without its
suffix. And `no_weights.txt`, which trainings of tasks start from that start from none.
"""

import shutil
from pathlib import Path

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import write_index
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, renewed, sha256_file, write_text

NO_WEIGHTS = "Random weights.\n"  # always the same, see dag/table.py


def run(config: Config) -> None:
    """Copy every weight file whose bytes are those that its card names."""
    target = paths.data(config.scale, paths.RELEASED)
    with provenance.recorded(config, "released") as record, renewed(target) as new:
        rows = []
        for path in sorted(paths.WEIGHTS.glob("*.safetensors")):
            rows.append({"id": path.stem, "path": path.name, "sha256": checked(path)})
            shutil.copyfile(path, new / path.name)
            shutil.copyfile(path.with_suffix(".json"), new / path.with_suffix(".json").name)
        write_index(new, ("id", "path", "sha256"), rows)
        record["weights"] = len(rows)
        write_text(paths.no_weights(config.scale), NO_WEIGHTS)


def checked(path: Path) -> str:
    """SHA-256 of a weight file, once found to be the one that its card names."""
    card = read_json(path.with_suffix(".json"), dict)
    found = sha256_file(path)
    if card.get("sha256") != found:
        line = f"{path}: SHA-256 is {found[:12]}…, its card says {str(card.get('sha256'))[:12]}…"
        raise UserError(f"{line}; restore both with `git checkout {path.parent}`, or release them again")
    return found
