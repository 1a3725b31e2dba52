"""The LaTeX document of a scale and its macros, made from the committed reports."""

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from redenoise.commands.latex import cells, document, svg
from redenoise.commands.latex import command as stage
from redenoise.commands.latex.compile import compiled
from redenoise.support.errors import UserError
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">{}</svg>'


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A copy of the committed reports of the demo, to change."""
    return Path(shutil.copytree(ROOT / "reports/demo", tmp_path / "reports"))


@pytest.mark.parametrize("scale", ["demo", "bench"])
def test_every_row_of_every_table_is_a_cell(scale):
    folder = ROOT / "reports" / scale
    found = {cell.key: cell for cell in cells.load(folder)}
    for spec in ALL_TABLES:
        with (folder / f"{spec.key}.csv").open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                table = f"demo:{spec.key}" if row["dataset"].startswith("demo:") else spec.key
                cell = found[table, row["item"], row["condition"], row["method"], row["metric"]]
                assert (cell.printed, cell.reproduced) == (row["published"], row["reproduced"])
                assert (cell.difference, cell.status) == (row["delta"], row["status"])
    assert {key[0] for key in found} >= {"averages"}
    assert "accuracies" in {key[0] for key in found} or scale == "bench"


def test_stand_ins_are_never_cells_of_a_printed_table():
    found = cells.load(ROOT / "reports/demo")
    assert {cell.metric for cell in found if cell.printed and cell.reproduced} == {"params"}  # counts need no images
    assert any(cell.reproduced for cell in found if cell.table == "demo:liu2020/table2_kodak")


@pytest.mark.parametrize(
    ("metric", "reproduced", "printed", "expected"),
    [
        ("psnr", "29.3451", "29.13", "29.35"),
        ("psnr", "29.345", "29.13", "29.34"),  # half to even
        ("psnr", "29.3456", "", "29.346"),  # as the tables show it
        ("psnr", "30", "29.13", "30.00"),
        ("params", "390851", "384000", "390851"),
        ("top1", "0.04", "62.4", "0.0"),
        ("mos", "3.0667", "", "3.0667"),
        ("psnr", "", "29.13", ""),
    ],
)
def test_a_reproduced_value_has_the_decimals_of_the_printed_one(metric, reproduced, printed, expected):
    assert cells.rounded(cells.Cell("t", "i", "c", "m", metric, reproduced, printed)) == expected


def test_scores_of_an_opinion_test_are_cells_too(reports):
    header = "dataset,item,condition,method,metric,unit,value,low,high,spread,raters"
    rows = (",average,sigma=50,CBM3D,mos,,2.5,,,1.1,1", "Kodak,average,sigma=50,CBM3D,mos,,3.5,,,1.1,1")
    (reports / "opinion.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    found = {cell.key: cell.reproduced for cell in cells.load(reports)}
    assert found["opinion", "average", "sigma=50", "CBM3D", "mos"] == "2.5"
    assert found["opinion", "Kodak/average", "sigma=50", "CBM3D", "mos"] == "3.5"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda text: text + text.splitlines()[1] + "\n", "is there twice"),
        (lambda text: text.replace("CBM3D", "CBM{3}D", 1), "has a character that LaTeX cannot take"),
        (lambda text: text.replace("reproduced", "found", 1), "columns are"),
        (lambda text: text + "x\n", "columns are"),
        (None, "missing; make the report of this scale first"),
    ],
)
def test_a_damaged_table_is_refused(reports, damage, expected):
    path = reports / "liu2018/table1_kodak.csv"
    if damage is None:
        path.unlink()
    else:
        path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(expected)):
        cells.load(reports)


def test_the_document_has_every_table_and_every_figure(reports, tmp_path):
    written = document.write(reports, tmp_path / "out", "demo")
    assert all(path.is_file() for path in written)
    text = (tmp_path / "out/document.tex").read_text(encoding="utf-8")
    own = [(reports / f"{spec.key}.tex").read_text(encoding="utf-8") for spec in ALL_TABLES]
    headings = [re.search(r"\\section\*\{(.*)\}", page)[1] for page in own]
    assert [heading.replace(r"$\sigma$", "σ") in text.replace(r"\texorpdfstring{$\sigma$}{sigma}", "σ")
            for heading in headings] == [True] * len(ALL_TABLES)  # fmt: skip
    assert text.count(r"\begin{tabular}") == sum(page.count(r"\begin{tabular}") for page in own) + 1
    shown = set(re.findall(r"\\includegraphics\[.*?\]\{figures/(\w+)\}", text))
    assert shown == {path.stem for path in (reports / "figures").iterdir()}
    kinds = {path.suffix for path in (tmp_path / "out/figures").iterdir()}
    assert kinds == {".png", ".pdf"}


def test_a_table_that_is_no_document_is_refused(reports, tmp_path):
    (reports / "liu2018/table1_kodak.tex").write_text("no table", encoding="utf-8")
    with pytest.raises(UserError, match="table1_kodak.tex: not a table of the report"):
        document.write(reports, tmp_path / "out", "demo")


def test_a_figure_outside_the_report_is_refused(reports, tmp_path):
    (reports / "figures.md").write_text("## One\n\n![One](../../secret.png)\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"figure '../../secret.png', expected figures/"):
        document.write(reports, tmp_path / "out", "demo")


def test_the_same_figure_gives_the_same_pdf(reports, tmp_path):
    for name in ("one.pdf", "two.pdf"):
        svg.to_pdf(reports / "figures/parameters_psnr.svg", tmp_path / name)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.pdf", "two.pdf"))
    assert one == two and one.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ('<circle r="3"/>', "element 'circle'"),
        ('<path d="M 0 0 A 1 1 0 0 0 2 2" style="fill: none"/>', "path command"),
        ('<text transform="skewX(3)" style="font-size: 9px">a</text>', "transformation skewX"),
        ('<use xmlns:x="http://www.w3.org/1999/xlink" x:href="#none"/>', "'none' cannot be converted"),
        ("<path", "not a readable SVG figure"),
    ],
)
def test_what_is_not_understood_of_a_figure_is_refused(tmp_path, part, expected):
    path = tmp_path / "figure.svg"
    path.write_text(SVG.format(part), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(expected)):
        svg.to_pdf(path, tmp_path / "figure.pdf")


def test_without_latex_the_line_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="pdflatex is not installed; .*texlive-latex-recommended"):
        compiled(tmp_path)


@pytest.mark.usefixtures("latex")
def test_the_document_compiles(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    stage.main(["--scale", "demo", "--output", str(tmp_path), "--pdf"])
    assert capsys.readouterr().out.strip() == f"latex: {tmp_path / 'document.pdf'}"
    log = (tmp_path / "document.log").read_text(encoding="utf-8", errors="replace")
    assert re.search(r"Output written on document\.pdf \(\d\d pages", log)
    assert "Undefined control sequence" not in log and "There is no cell" not in log and "LaTeX Warning" not in log


PAPER = r"""
\documentclass{article}
\usepackage{cells}
\begin{document}
\section{It reaches \cell{liu2020/table2_kodak}{average}{sigma=25}{DnCNN}{psnr} dB}
\typeout{reproduced=\cell{liu2020/table2_kodak}{average}{sigma=25}{DnCNN}{psnr}.}
\typeout{exact=\cell[exact]{liu2020/table2_kodak}{average}{sigma=25}{DnCNN}{psnr}.}
\typeout{printed=\cell[printed]{liu2020/table2_kodak}{average}{sigma=25}{DnCNN}{psnr}.}
\typeout{status=\cell[status]{liu2020/table2_kodak}{average}{sigma=25}{DnCNN}{psnr}.}
\typeout{none=\cell{liu2020/table2_kodak}{average}{sigma=25}{MCWNNM}{psnr}.}
\typeout{border=\cell{liu2020/table2_kodak}{average}{sigma=35}{Proposed
  (mean border)}{psnr}.}
\edef\counted{\cell[exact]{liu2020/table1_architecture}{s2_skip_e128_d128}{}{Proposed}{params}}
\typeout{params=\counted.}
A difference of \cell[difference]{liu2020/table2_kodak}{average}{sigma=25}{CBM3D}{psnr}, and
\cell{liu2020/table9_none}{average}{sigma=25}{DnCNN}{psnr}.
\end{document}
"""


@pytest.mark.usefixtures("latex")
def test_a_paper_cites_single_numbers(tmp_path):
    found = {cell.key: cell for cell in cells.load(ROOT / "reports/bench")}
    (tmp_path / "cells.sty").write_text(cells.package(list(found.values()), "bench"), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(PAPER, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.replace("\n", "")
    cell = found["liu2020/table2_kodak", "average", "sigma=25", "DnCNN", "psnr"]
    border = found["liu2020/table2_kodak", "average", "sigma=35", "Proposed (mean border)", "psnr"]
    count = found["liu2020/table1_architecture", "s2_skip_e128_d128", "", "Proposed", "params"]
    for line in (
        f"reproduced={round(float(cell.reproduced), 2):.2f}.",
        f"exact={cell.reproduced}.",
        f"printed={cell.printed}.",
        f"status={cell.status}.",
        "none=not run.",
        f"border={float(border.reproduced):.3f}.",
        f"params={count.reproduced}.",
    ):
        assert line in output
    assert "There is no cell reproduced of liu2020/table9_none" in output
