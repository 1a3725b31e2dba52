"""The LaTeX document of a scale: the tables and the figures of its committed reports."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from redenoise.commands.latex import cells
from redenoise.commands.latex.cells import Cell
from redenoise.commands.opinion import report as opinion
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document import latex, store
from redenoise.document.latex import escape
from redenoise.document.model import Paragraph, Picture
from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open, write_text
from stages.report import drawing, figures, reading
from stages.report.results import DEMO_PREFIX
from stages.report.rows import STATUSES
from stages.report.tables import ALL_TABLES

PACKAGES = r"""\usepackage{graphicx}
\usepackage{cells}
\usepackage[hidelinks]{hyperref}
\setcounter{secnumdepth}{0}
\setcounter{tocdepth}{1}
"""
ABOUT = r"""Every table and every figure of this document is a file of its own as well. A paper takes single numbers
from the package \texttt{cells}, which lies beside this document: \verb|\usepackage{cells}|, then the table and the
columns item, condition, method and metric of its CSV file. The default is the reproduced value with as many decimals
as the printed one; \verb|\cell[exact]|, \verb|[printed]|, \verb|[difference]| and \verb|[status]| are the other
columns.
"""
GRAPHICS = r"\includegraphics[width=\linewidth,height=0.7\textheight,keepaspectratio]"
SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".pdf": b"%PDF-"}
MAX_BYTES = 64 << 20  # of one figure, far more than any has


@dataclass(frozen=True)
class Figure:
    """A figure of the reports: its file beside the document, what is in it, and the words with it."""

    name: str
    data: bytes
    title: str
    text: str


def write(config: Config, folder: Path) -> list[Path]:
    """Write `document.tex`, `cells.sty` and `figures/` into `folder` and return what was written.

    Raises:
        UserError: a part of the scale's report is missing or not what the report writes.
    """
    scale = config.scale
    found, pictures = cells.load(paths.reports(scale)), list(_figures(config))
    files = {"cells.sty": cells.package(found, scale), "document.tex": render(scale, found, pictures)}
    for name, text in files.items():
        write_text(folder / name, text)
    for figure in pictures:
        with atomic_open(folder / "figures" / figure.name) as stream:
            stream.write(figure.data)
    return [folder / name for name in (*files, *(f"figures/{figure.name}" for figure in pictures))]


def render(scale: str, found: list[Cell], pictures: list[Figure]) -> str:
    """The text of `document.tex`; raises `UserError` as `write`."""
    parts = [latex.preamble(f"redenoise latex, scale {scale}") + PACKAGES, r"\begin{document}"]
    parts += [rf"\title{{Printed and reproduced, scale \texttt{{{escape(scale)}}}}}", r"\author{}\date{}\maketitle"]
    parts += [r"{\renewcommand{\addvspace}[1]{}\tableofcontents}", r"\clearpage"]
    parts += [r"\section{Numbers}", ABOUT, _example(found), _counts(found)]
    for spec in ALL_TABLES:
        page = reading.read(paths.reports(scale), spec.key)
        parts += [r"\clearpage", f"% {spec.key}", _heading(page.title), latex.body(page)]
    for figure in pictures:
        graphics = rf"{GRAPHICS}{{figures/{PurePosixPath(figure.name).stem}}}"
        parts += [r"\clearpage", _heading(figure.title), graphics, figure.text]
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def _example(found: list[Cell]) -> str:
    """A sentence with a number of this scale, as a paper would write it."""
    usable = [cell for cell in found if cell.table != "averages" and cell.item == "average" and cell.reproduced]
    cell = next((cell for cell in usable if cell.printed), usable[0] if usable else found[0])
    call = "".join(f"{{{part}}}" for part in cell.key)
    others = rf" reproduced, \cell[printed]{call} in print, status \cell[status]{call}" if cell.status else ""
    return rf"For example, \verb|\cell{call}|: \cell{call}{others}."


def _counts(found: list[Cell]) -> str:
    """A table of the printed cells by table and status."""
    counts = {spec.key: Counter(c.status for c in found if c.table == spec.key and c.printed) for spec in ALL_TABLES}
    lines = [
        rf"\begin{{tabular}}{{lr{'r' * len(STATUSES)}}}",
        r"\toprule",
        " & ".join(["table", "printed", *STATUSES]) + r" \\",
        r"\midrule",
    ]
    for key, count in counts.items():
        numbers = [sum(count.values()), *(count[status] for status in STATUSES)]
        lines.append(" & ".join([rf"\texttt{{{escape(key)}}}", *map(str, numbers)]) + r" \\")
    if any(cell.table.startswith(DEMO_PREFIX) for cell in found):
        note = r"Values of stand-ins are cells of the tables \texttt{demo:<table>}; nothing is compared with them."
    else:
        note = ""
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", "", note])


def _heading(title: str) -> str:
    """A section whose symbols have names in the PDF's own table of contents."""
    named = re.sub(r"\$\\(\w+)\$", r"\\texorpdfstring{$\\\1$}{\1}", escape(title))
    return rf"\section{{{named}}}"


def _figures(config: Config) -> Iterator[Figure]:
    """The figures of the page of figures, then that of the opinion test once there are raters."""
    reports = paths.reports(config.scale)
    page = reports / "figures.json"
    for section in store.read(page).sections:
        for path in (block.path for block in section.blocks if isinstance(block, Picture)):
            match = re.fullmatch(r"figures/([\w-]+)\.(png|svg)", path)
            if not match or (match[2] == "svg" and match[1] not in figures.DRAWN):
                raise UserError(f"{page}: figure {path!r}, expected figures/<name>.png or a drawing of the report")
            drawn = match[2] == "svg"
            data = drawing.pdf(figures.drawn(config, match[1])) if drawn else _file(reports / path)
            words = (escape(block.text) for block in section.blocks if isinstance(block, Paragraph))
            yield Figure(f"{match[1]}.{'pdf' if drawn else 'png'}", data, section.heading, "\n\n".join(words))
    if (scores := opinion.file(config.scale, "pdf")).exists():
        title = "Figure 5 of Liu et al. 2020: mean opinion scores"
        yield Figure("opinion.pdf", _file(scores), title, r"Intervals are 95 \%, over raters.")


def _file(path: Path) -> bytes:
    """The bytes of a figure; raises `UserError` if it is not there or not what its name says."""
    if path.is_file() and path.stat().st_size <= MAX_BYTES:
        data = path.read_bytes()
        if data.startswith(SIGNATURES[path.suffix]):
            return data
    raise UserError(f"{path}: missing, or not such a file of at most {MAX_BYTES >> 20} MiB; make the report again")
