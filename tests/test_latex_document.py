"""The LaTeX document of a scale and its macros, made from the committed reports."""

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from redenoise.commands.latex import cells, command, document
from redenoise.commands.latex.compile import compiled
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document import latex as pages
from redenoise.document import store
from redenoise.support.errors import UserError
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.site_project import make_reports


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A project with reports of the scale demo from hand-made results, made the working directory; to change."""
    monkeypatch.chdir(tmp_path)
    return make_reports(tmp_path, "demo")


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
    compared = {cell.metric for cell in found if cell.printed and cell.reproduced}
    assert "params" in compared  # counts need no images
    assert not [metric for metric in compared if metric.startswith(("psnr", "ssim", "top", "miou"))]
    assert any(cell.reproduced for cell in found if cell.table == "demo:liu2020/table2_kodak")


@pytest.mark.parametrize(
    ("metric", "reproduced", "printed", "expected"),
    [
        ("psnr", "29.3451", "29.13", "29.35"),
        ("psnr", "29.345", "29.13", "29.35"),  # a tie goes up
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
    scores = reports.parent / f"opinion/{reports.name}.csv"
    scores.parent.mkdir(exist_ok=True)
    scores.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    found = {cell.key: cell.reproduced for cell in cells.load(reports)}
    assert found["opinion", "average", "sigma=50", "CBM3D", "mos"] == "2.5"
    assert found["opinion", "Kodak/average", "sigma=50", "CBM3D", "mos"] == "3.5"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda text: text + text.splitlines()[1] + "\n", "is there twice"),
        (lambda text: text.replace("CBM3D", "CBM{3}D", 1), "has a character that LaTeX cannot take"),
        (lambda text: text.replace("reproduced", "found", 1), "header is table,dataset"),
        (lambda text: text + "x\n", "1 fields; expected"),
        (None, "; run `python -m stages.report` for this scale first"),
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


@pytest.mark.parametrize("value", [r"\input{/etc/passwd}", "1$2", "29.13}", "&", "nan", "1e3", "1_0", "٢٩", "9" * 400])
def test_a_value_that_is_no_number_is_refused(reports, value):
    path = reports / "liu2018/table1_kodak.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("29.13,", f"{value},", 1), encoding="utf-8")
    with pytest.raises(UserError, match=r"is .*, expected a number"):
        cells.load(reports)


def test_the_document_has_every_table_and_every_figure(made):
    written = document.write(made, Path("out"))
    assert all(path.is_file() for path in written)
    text = Path("out/document.tex").read_text(encoding="utf-8")
    tables = [store.read(paths.reports("demo") / f"{spec.key}.json") for spec in ALL_TABLES]
    for page in tables:
        assert pages.body(page) in text
        plain = text.replace(r"\texorpdfstring{$\sigma$}{sigma}", r"$\sigma$")
        assert rf"\section{{{pages.escape(page.title)}}}" in plain
    shown = set(re.findall(r"\\includegraphics\[.*?\]\{figures/(\w+)\}", text))
    assert shown == {path.stem for path in (paths.reports("demo") / "figures").iterdir()}
    assert {path.suffix for path in Path("out/figures").iterdir()} == {".png", ".pdf"}
    assert "Caption of figure4\\_zoom.png." in text


def test_the_same_reports_give_the_same_files(made):
    first = {path: path.read_bytes() for path in document.write(made, Path("out"))}
    assert first == {path: path.read_bytes() for path in document.write(made, Path("out"))}
    drawn = first[Path("out/figures/parameters_psnr.pdf")]
    assert drawn.startswith(b"%PDF") and b"CreationDate" not in drawn


def test_a_figure_of_the_opinion_test_is_there_once_there_are_raters(made):
    document.write(made, Path("out"))
    assert "mean opinion scores" not in Path("out/document.tex").read_text(encoding="utf-8")
    Path("reports/opinion").mkdir(exist_ok=True)
    Path("reports/opinion/demo.pdf").write_bytes(b"%PDF-1.4 of the opinion test")
    document.write(made, Path("out"))
    assert "mean opinion scores" in Path("out/document.tex").read_text(encoding="utf-8")
    assert Path("out/figures/opinion.pdf").read_bytes() == b"%PDF-1.4 of the opinion test"
    Path("reports/opinion/demo.pdf").write_bytes(b"<svg/>")
    with pytest.raises(UserError, match=r"opinion/demo.pdf: missing, or not such a file"):
        document.write(made, Path("out"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("liu2018/table1_kodak.json", "no table", "table1_kodak.json: not a page of the report"),
        ("figures/figure4_zoom.png", "GIF89a", "figure4_zoom.png: missing, or not such a file"),
        ("learning_curves.csv", "family,model\n", "learning_curves.csv: header is family,model"),
    ],
)
def test_what_is_not_of_the_report_is_refused(made, name, text, expected):
    (paths.reports("demo") / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=expected):
        document.write(made, Path("out"))


@pytest.mark.parametrize("path", ["../../secret.png", "figures/other.svg", "https://example.org/a.png", "/etc/a.png"])
def test_a_figure_outside_the_report_is_refused(made, path):
    page = paths.reports("demo") / "figures.json"
    page.write_text(page.read_text(encoding="utf-8").replace("figures/figure4_zoom.png", path), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"figure {path!r}, expected figures/<name>.png")):
        document.write(made, Path("out"))


def test_texts_of_a_page_are_no_commands_of_latex(made):
    for name in ("figures", "liu2018/table1_kodak"):
        page = paths.reports("demo") / f"{name}.json"
        text = page.read_text(encoding="utf-8")
        for word in ("Caption of", '"title": "'):
            text = text.replace(word, word + r"\\input{secret} $ & % # ^^M \\end{document}")
        page.write_text(text, encoding="utf-8")
    document.write(made, Path("out"))
    text = Path("out/document.tex").read_text(encoding="utf-8")
    assert r"\textbackslash{}input\{secret\} \$ \& \% \# \textasciicircum{}\textasciicircum{}M" in text
    assert r"\input" not in text and text.count(r"\end{document}") == 1


def test_without_latex_the_line_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="pdflatex is not installed; .*texlive-latex-recommended"):
        compiled(tmp_path)


@pytest.mark.usefixtures("latex")
def test_the_document_compiles(made, capsys):
    for path in (paths.reports("demo") / "figures").glob("*.png"):
        Image.new("L", (30, 20)).save(path)  # in place of bytes that nothing could decode
    command.main(["--scale", "demo", "--output", "out", "--pdf"])
    assert capsys.readouterr().out.strip() == "latex: out/document.pdf"
    log = Path("out/document.log").read_text(encoding="utf-8", errors="replace")
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
