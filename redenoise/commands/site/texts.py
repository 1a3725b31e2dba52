"""The report's inline texts as HTML, and where their links lead on the site.

The texts may come from anyone's branch: each is escaped, and a link is kept only if it leads to a page or file of the
site itself, or to a paper.
"""

import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass

from markupsafe import Markup

from redenoise.document import inline
from redenoise.document.model import Cell

TAGS = {inline.CODE: Markup("<code>{}</code>"), inline.BOLD: Markup("<strong>{}</strong>"), inline.TEXT: Markup("{}")}
LINK = Markup('<a href="{}">{}</a>')


def page_of(name: str) -> str:
    """The site's page of a document; that of the overview is where one begins to read."""
    return "index.html" if name == "overview" else f"{name.replace('/', '-')}.html"


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it: links of the report name these."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading).lower())
    return kept.replace(" ", "-")


@dataclass(frozen=True)
class Writer:
    """Writes the texts of one document.

    Attributes:
        names: of all documents.
        files: of the site that are no pages, by path.
        nodes: name of a node of the DAG to its page.
        folder: of the document below that of its scale: empty or a paper's.
    """

    names: Collection[str]
    files: Collection[str]
    nodes: dict[str, str]
    folder: str = ""

    def inline(self, text: str) -> Markup:
        """An inline text."""
        return Markup("").join(
            self._link(label, target) if kind == inline.LINK else TAGS[kind].format(label)
            for kind, label, target in inline.spans(text)
        )

    def cell(self, cell: Cell) -> Markup:
        """What a cell of a table says, as a link where it names a node or other documents."""
        text = inline.plain(cell.text)
        if cell.node in self.nodes:
            return LINK.format(self.nodes[cell.node], text)
        parts = text.split(", ")
        if all(part in self.names for part in parts):
            return Markup(", ").join(LINK.format(page_of(part), part) for part in parts)
        return self.inline(cell.text)

    def picture(self, path: str) -> str:
        """The file of a picture on the site, empty if it is none of the site's."""
        found = self._resolved(path)
        return found if found in self.files else ""

    def _link(self, label: str, target: str) -> Markup:
        href = self.href(target)
        return LINK.format(href, label.removesuffix(".md")) if href else Markup("{}").format(label)

    def href(self, target: str) -> str:
        """Where a link of the report leads on the site, empty if nowhere."""
        if target.startswith((inline.PAPERS, "#")):
            return target
        path, hash_, anchor = target.partition("#")
        found = self._resolved(path)
        name, suffix = posixpath.splitext(found)
        if suffix == ".md" and name in self.names:
            return page_of(name) + hash_ + anchor
        return next((file for file in (found, f"data/{found}") if file in self.files), "")

    def _resolved(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))
