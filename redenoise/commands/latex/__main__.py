"""All tables and figures of a scale as one LaTeX document: `python -m stages.report latex [--scale S] [--pdf]`.

Writes `document.tex`, `cells.sty` (macros that cite single numbers) and `figures/` to `build/<scale>/latex/`.
"""

import argparse
from pathlib import Path

from redenoise.commands.latex import compile as compiler
from redenoise.commands.latex import document
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.support.errors import run_cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if the reports of the scale are not there, or LaTeX does not take them."""
    parser = argparse.ArgumentParser(prog="python -m stages.report latex", description="One LaTeX document of a scale.")
    parser.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/<scale>/latex")
    parser.add_argument("--pdf", action="store_true", help="compile it with pdflatex")
    parsed = parser.parse_args(arguments)
    scale = load_config(parsed.scale).scale
    folder = parsed.output or paths.build(scale) / "latex"
    document.write(paths.reports(scale), folder, scale)
    print(f"latex: {compiler.compiled(folder) if parsed.pdf else folder / 'document.tex'}")


if __name__ == "__main__":
    run_cli(main)
