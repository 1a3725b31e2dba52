"""All tables and figures of a scale as one LaTeX document.

Writes `document.tex`, `cells.sty` (macros that cite single numbers) and `figures/` to `build/<scale>/latex/`.
"""

from pathlib import Path

from redenoise.commands.latex import compile as compiler
from redenoise.commands.latex import document
from redenoise.commands.parsing import parser
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.support.locks import beside, exclusive_all


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` if the reports of the scale are not there, or LaTeX does not take them."""
    options = parser("latex", __doc__)
    options.add_argument("--output", type=Path, metavar="FOLDER", help="default: build/<scale>/latex")
    options.add_argument("--pdf", action="store_true", help="compile it with pdflatex")
    parsed = options.parse_args(arguments)
    config = load_config(parsed.scale)
    folder = parsed.output or paths.build(config.scale) / "latex"
    with exclusive_all([paths.pages_lock(config.scale), (beside(folder), str(folder))]):
        document.write(config, folder)
        print(f"latex: {compiler.compiled(folder) if parsed.pdf else folder / 'document.tex'}")
