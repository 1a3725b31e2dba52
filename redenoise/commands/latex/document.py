"""One LaTeX document of all tables and figures of a scale, put together from the committed reports."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redenoise.commands.latex import cells, svg
from redenoise.commands.latex.cells import Cell
from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open, write_text
from stages.report.latex import PREAMBLE, escape
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
PNG = b"\x89PNG\r\n\x1a\n"
MAX_BYTES = 64 << 20  # of one figure, far more than any has


@dataclass(frozen=True)
class Figure:
    """A figure of `figures.md`, or that of the opinion test: a file in the scale's reports, and the words with it."""

    path: Path
    title: str
    text: str


def write(reports: Path, folder: Path, scale: str) -> list[Path]:
    """Write `document.tex`, `cells.sty` and `figures/` into `folder` and return what was written.

    Args:
        reports: `reports/<scale>`, which is read.

    Raises:
        UserError: a part of the report is missing or not what the report writes.
    """
    found = cells.load(reports)
    figures = list(_figures(reports))
    files = {"cells.sty": cells.package(found, scale), "document.tex": render(reports, scale, found, figures)}
    for name, text in files.items():
        write_text(folder / name, text)
    return [folder / name for name in files] + [_place(figure.path, folder) for figure in figures]


def render(reports: Path, scale: str, found: list[Cell], figures: list[Figure]) -> str:
    """The text of `document.tex`."""
    parts = [PREAMBLE + PACKAGES, r"\begin{document}", rf"\title{{Printed and reproduced, scale \texttt{{{scale}}}}}"]
    parts += [r"\author{}\date{}\maketitle", r"{\renewcommand{\addvspace}[1]{}\tableofcontents}", r"\clearpage"]
    parts += [r"\section{Numbers}", ABOUT, _example(found), _counts(found)]
    for spec in ALL_TABLES:
        parts += [r"\clearpage", _body(reports / f"{spec.key}.tex", spec.key)]
    for figure in figures:
        parts += [
            r"\clearpage",
            rf"\section{{{_heading(escape(figure.title))}}}",
            _graphics(figure),
            escape(figure.text),
        ]
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
    lines = [r"\begin{tabular}{lrrrr}", r"\toprule", " & ".join(["table", "printed", *STATUSES]) + r" \\", r"\midrule"]
    for key, count in counts.items():
        numbers = [sum(count.values()), *(count[status] for status in STATUSES)]
        lines.append(" & ".join([rf"\texttt{{{escape(key)}}}", *map(str, numbers)]) + r" \\")
    if any(cell.table.startswith(DEMO_PREFIX) for cell in found):
        note = r"Values of stand-ins are cells of the tables \texttt{demo:<table>}; nothing is compared with them."
    else:
        note = ""
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", "", note])


def _body(path: Path, key: str) -> str:
    """What stands between the beginning and the end of one table's own document, its heading in the contents."""
    text = _read(path)
    match = re.fullmatch(r".*?\\begin\{document\}(.*)\\end\{document\}\s*", text, re.DOTALL)
    if not match or r"\section*" not in match[1]:
        raise UserError(f"{path}: not a table of the report; make the report again (python -m stages.report)")
    heading, _, rest = match[1].strip().replace(r"\section*", r"\section", 1).partition("\n")
    return f"% {key}\n{_heading(heading)}\n{rest}"


def _heading(text: str) -> str:
    """A heading whose symbols have names in the PDF's own table of contents."""
    return re.sub(r"\$\\(\w+)\$", r"\\texorpdfstring{$\\\1$}{\1}", text)


def _figures(reports: Path) -> Iterator[Figure]:
    """The figures of `figures.md`, then that of the opinion test once there are raters."""
    path = reports / "figures.md"
    for section in re.split(r"^## ", _read(path), flags=re.MULTILINE)[1:]:
        title, _, rest = section.partition("\n")
        for name in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", rest):
            text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", rest)
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
            if not re.fullmatch(r"figures/[\w.-]+\.(png|svg)", name):
                raise UserError(f"{path}: figure {name!r}, expected figures/<name>.png or .svg; make the report again")
            yield Figure(reports / name, title.strip(), re.sub(r"\n{3,}", "\n\n", text).strip())
    if (opinion := reports / "opinion.svg").exists():
        yield Figure(opinion, "Figure 5 of Liu et al. 2020: mean opinion scores", "Intervals are 95 %, over raters.")


def _place(source: Path, folder: Path) -> Path:
    """Put a figure beside the document: a PNG as it is, an SVG as PDF."""
    target = folder / "figures" / source.with_suffix(".pdf" if source.suffix == ".svg" else ".png").name
    if source.suffix == ".svg":
        svg.to_pdf(source, target)
        return target
    if not source.is_file() or source.stat().st_size > MAX_BYTES or not (data := source.read_bytes()).startswith(PNG):
        raise UserError(f"{source}: missing, or no PNG of at most {MAX_BYTES >> 20} MiB; make the report again")
    with atomic_open(target) as stream:
        stream.write(data)
    return target


def _graphics(figure: Figure) -> str:
    options = r"width=\linewidth,height=0.7\textheight,keepaspectratio"
    return rf"\includegraphics[{options}]{{figures/{figure.path.stem}}}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: missing; make the report of this scale first (python -m stages.report)") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text ({error}); make the report again") from None
