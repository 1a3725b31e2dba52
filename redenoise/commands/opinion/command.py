"""The opinion test.

`build` writes `opinion.html`, the page for raters, and `key.json`, which says what they saw, into
`build/<scale>/opinion/`. `collect` checks the files that raters saved and writes `reports/opinion/<scale>.*`.
"""

import argparse
import sys
from pathlib import Path

from redenoise.commands.opinion import ratings, report
from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.support.errors import UserError
from redenoise.support.locks import beside, exclusive

WARN_BYTES = 25 << 20  # of the page; more is slow to send around


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if something cannot be made or a rater's file was refused."""
    parsed = _options().parse_args(arguments)
    config = load_config(parsed.scale)
    if parsed.command == "build":
        _build(config, parsed)
    else:
        _collect(config, parsed)


def _options() -> argparse.ArgumentParser:
    """`build` and `collect` with their options."""
    root = parser("opinion", __doc__, scale=False)
    commands = root.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="make the rating page and its key")
    build.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/<scale>/opinion")
    build.add_argument("--seed", type=int, help="draws images and codes (default: the seed of params.yaml)")
    build.add_argument("--without-missing", action="store_true", help="leave out methods that cannot run")
    collect = commands.add_parser("collect", help="check raters' files and write the scores")
    collect.add_argument("files", nargs="*", type=Path, metavar="FILES", help="files that raters saved")
    collect.add_argument("--key", type=Path, metavar="FILE", help="default: build/<scale>/opinion/key.json")
    collect.add_argument("--output", type=Path, metavar="FOLDER", help=f"default: {report.FOLDER}")
    for command in (build, collect):
        command.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    return root


def _folder(scale: str) -> Path:
    return paths.build(scale) / "opinion"


def _build(config: Config, parsed: argparse.Namespace) -> None:
    from redenoise.commands.opinion.build import build  # here: collecting needs no networks

    folder = parsed.output or _folder(config.scale)
    seed = config.params["seed"] if parsed.seed is None else parsed.seed
    with exclusive(beside(folder), str(folder)):
        key = build(config, folder, seed, parsed.without_missing)
    for name, reason in key["missing"].items():
        print(f"left out: {name}: {reason}", file=sys.stderr)
    size = (folder / "opinion.html").stat().st_size
    more = "; large to send around" if size > WARN_BYTES else ""
    print(f"for raters: {folder / 'opinion.html'} ({size / 2**20:.1f} MB{more}); not for raters: {folder / 'key.json'}")


def _collect(config: Config, parsed: argparse.Namespace) -> None:
    key = ratings.read_key(parsed.key or _folder(config.scale) / "key.json") if parsed.files else None
    if key and key.scale != config.scale:
        line = f"the key is of scale {key.scale}, not {config.scale}"
        raise UserError(f"{line}; collect with --scale {key.scale}, or name another key with --key")
    found, problems = ratings.collect(parsed.files, key) if key else ([], [])
    for problem in problems:
        print(f"refused: {problem}", file=sys.stderr)
    if problems:
        line = f"{len(problems)} of {len(parsed.files)} files refused, nothing written"
        raise UserError(f"{line}; mend them or leave them out")
    folder = parsed.output or report.FOLDER
    with exclusive(beside(folder), str(folder)):
        written = report.write(folder, config, found, key)
    print(f"opinion: {f'{len(found)} raters' if found else report.NO_RATERS}, {', '.join(map(str, written))}")
