"""The document as PDF, by `pdflatex`."""

import re
import shutil
import subprocess
from pathlib import Path

from redenoise.support.errors import UserError

COMMAND = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "-no-shell-escape")
RUNS = 2  # the second one knows the pages of the contents
SECONDS = 600
PACKAGE = "texlive-latex-recommended"  # of Debian


def compiled(folder: Path) -> Path:
    """Compile `document.tex` in `folder`; raises `UserError` with LaTeX's first complaint if that fails."""
    if shutil.which(COMMAND[0]) is None:
        raise UserError(f"{COMMAND[0]} is not installed; Debian's package {PACKAGE} has it")
    for _ in range(RUNS):
        try:
            run = subprocess.run(
                [*COMMAND, "document.tex"], cwd=folder, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"{folder / 'document.tex'}: not compiled within {SECONDS} s; see document.log") from None
        if run.returncode:
            text = run.stdout.decode("utf-8", "replace")
            found = re.search(r"^(?:\S+:\d+: |! ).*$", text, re.MULTILINE)
            why = found[0] if found else text[-300:]
            raise UserError(f"{folder / 'document.tex'}: {why}; see {folder / 'document.log'}")
    return folder / "document.pdf"
