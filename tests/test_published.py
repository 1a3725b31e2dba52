"""The printed cells and the suspected misprints, and what their loader refuses."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from redenoise.dag.config import ROOT
from redenoise.support.errors import UserError
from stages.report import published

PUBLISHED = ROOT / "published"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of published/ to spoil."""
    return Path(shutil.copytree(PUBLISHED, tmp_path / "published"))


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_all_printed_cells_are_there():
    cells = published.load_cells(PUBLISHED)
    known = {"liu2018": 410, "liu2020": 474, "zhang2017": 499, "kligvasser2018": 52}
    counts = Counter(cell.paper for cell in cells)
    assert {paper: counts[paper] for paper in known} == known


def test_every_misprint_names_a_cell():
    cells = published.load_cells(PUBLISHED)
    misprints = published.load_misprints(PUBLISHED, cells)
    assert {found.strength for found in misprints.values()} == {"strong", "weak"}
    row = misprints["liu2020", "table3_cbsd68", "CBSD68", "average", "sigma=50", "FFDNet", "psnr"]
    assert (row.printed, row.estimate, row.strength) == ("27.76", "27.96", "strong")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("01,sigma=25,TNRD,psnr,dB,27.21", "01,sigma=25,CBM3D,psnr,dB,27.21", "line 3: .* occurs twice"),
        ("CBM3D,psnr,dB,29.13", "CBM3D,psnr,dB,29.I3", "line 2: value is '29.I3'; expected a number"),
        ("CBM3D,psnr,dB,29.13", "CBM3D,psnr,dB,inf", "line 2: value is 'inf'; expected a number"),
        ("CBM3D,psnr,dB,29.13", "CBM3D,psnr,bel,29.13", "line 2: unit of psnr is 'bel'; expected 'dB'"),
        ("CBM3D,psnr,dB,29.13", "CBM3D,pnsr,dB,29.13", "line 2: metric 'pnsr' is not known"),
        ("table,dataset", "table,set", "header is .*; expected table,dataset"),
    ],
)
def test_wrong_cells_are_refused(folder, old, new, message):
    spoil(folder / "liu2018_ijcai.csv", old, new)
    with pytest.raises(UserError, match=message) as error:
        published.load_cells(folder)
    assert "liu2018_ijcai.csv" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Kodak,17,sigma=35", "Kodak,25,sigma=35", "is no published cell"),
        ("psnr,30.64,strong", "psnr,30.46,strong", "printed is '30.46', the cell has '30.64'"),
        ("psnr,30.64,strong", "psnr,30.64,certain", "strength is 'certain'; expected strong or weak"),
        (",31.2\n", ",about 31\n", "estimate is 'about 31'; expected a number"),
    ],
)
def test_wrong_misprints_are_refused(folder, old, new, message):
    spoil(folder / "misprints.csv", old, new)
    with pytest.raises(UserError, match=re.escape(message)):
        published.load_misprints(folder, published.load_cells(folder))


def test_a_missing_file_is_one_clear_line(folder):
    (folder / "liu2020_tip.csv").unlink()
    with pytest.raises(UserError, match="liu2020_tip.csv: missing"):
        published.load_cells(folder)
