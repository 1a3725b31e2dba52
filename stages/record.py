"""Hand a finished Snakemake run over to DVC: `python -m stages.record`.

DVC takes whatever lies in the outputs for the result of today's inputs when it is told to commit. So every output's
provenance is first held against today's parameters, code, inputs and outputs; one difference, and nothing is
committed. Nor is it if dvc.yaml does not name everything that the report reads: DVC would then not see it change. The
scale is that of params.yaml, since that is the one DVC reads.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from stages.common import config, paths, provenance
from stages.common.errors import UserError, run_cli
from stages.common.files import sha256_path
from stages.report.__main__ import inputs

SHOWN = 5
DVC_FILE = Path("dvc.yaml")


def undeclared(settings: config.Config) -> list[str]:
    """What the report reads and dvc.yaml does not name among the report's `deps`, as it would stand there.

    Raises:
        UserError: dvc.yaml is missing, is no YAML, or has no `deps` of a stage `report`.
    """
    try:
        deps = config.read_yaml(DVC_FILE)["stages"]["report"]["deps"]
        declared = {str(dep).replace("${scale}", settings.scale) for dep in deps}
    except (KeyError, TypeError):
        raise UserError(f"{DVC_FILE}: no deps of the stage report, expected a list of them; restore the file") from None
    names = [path.as_posix() for path in inputs(settings)]
    folder = f"{paths.build(settings.scale).as_posix()}/"
    return [name.replace(folder, "build/${scale}/", 1) for name in names if name not in declared]


def differences(settings: config.Config) -> list[str]:
    """What keeps the outputs of today's checkout from being those of today's inputs, one line for each fact."""
    hashes: dict[str, str | None] = {}
    found = []
    for stage, key in [*settings.nodes(), ("report", None)]:
        path = paths.provenance(settings.scale, stage, key)
        try:
            record = provenance.read(path)
        except UserError as error:
            found.append(str(error))
            continue
        if record["params"] != _as_json(settings.node_params(stage, key)):
            found.append(f"{path}: made with other parameters than today's")
        if record["sources"] != provenance.source_hashes(stage, settings.network(stage, key)):
            found.append(f"{path}: made by other code than today's")
        if record["packages"] != provenance.package_versions():
            found.append(f"{path}: made with other package versions than today's")
        for name, value in {**record["inputs"], **record["outputs"]}.items():
            if name not in hashes:
                hashes[name] = sha256_path(name) if Path(name).exists() else None
            if hashes[name] != value:
                found.append(f"{name}: {'is missing' if hashes[name] is None else 'has changed'} since {path}")
    return list(dict.fromkeys(found))


def record() -> None:
    """Check everything, then run `dvc commit`.

    Raises:
        UserError: dvc.yaml lacks an input of the report, an output is not that of today's inputs, or DVC is not
            installed or fails.
    """
    settings = config.load()
    if missing := undeclared(settings):
        lines = ", ".join(missing)
        raise UserError(f"{DVC_FILE}: not recorded: the deps of the stage report lack {lines}; add these lines")
    found = differences(settings)
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(f"not recorded: {'; '.join(found[:SHOWN])}{more}; run `snakemake --cores all` first")
    try:
        result = subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], check=False)
    except OSError as error:
        raise UserError(f"dvc could not be started ({error}); install it with `make setup`") from None
    if result.returncode != 0:
        raise UserError("dvc commit failed, see above; nothing else was changed")
    print(f"recorded: {len(settings.nodes()) + 1} nodes of scale {settings.scale} are committed to DVC")


def _as_json(value: object) -> object:
    """What `value` reads as after a round trip through JSON, the form that provenance keeps."""
    return json.loads(json.dumps(value))


def main() -> None:
    """Command line of the step."""
    parser = argparse.ArgumentParser(prog="python -m stages.record", description=record.__doc__.splitlines()[0])
    parser.parse_args()
    record()


if __name__ == "__main__":
    run_cli(main)
