"""The report's Markdown pages: cut into sections, their tables read, and rendered as HTML of the site."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from redenoise.support.errors import UserError

COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
HEADING = re.compile(r"^## +(.*)$", re.MULTILINE)
NUMBER = re.compile(r"-|[+-]?[\d,]+(\.\d+)?k?( [✓✗]| \[[^\]]*\])?")  # as the report writes one, or that there is none
CELL_END = re.compile(r"(?<!\\)\|")
Linker = Callable[[dict[str, str]], dict[str, list[tuple[str, str]]]]  # see `links.Links.of`
PAGES = {"overview": "index"} | {name: name for name in ("notes", "provenance", "training", "figures", "opinion")}


@dataclass(frozen=True)
class Section:
    """A part of a page below one `##` heading; the part before the first has none."""

    heading: str
    body: str

    @property
    def tables(self) -> list[list[dict[str, str]]]:
        """Its tables, each a list of rows by column name; code marks and escapes are taken off."""
        found, lines = [], []
        for line in [*self.body.splitlines(), ""]:
            if line.startswith("|"):
                lines.append([_plain(cell) for cell in CELL_END.split(line)[1:-1]])
            elif lines:
                header, _, *rows = lines
                found.append([dict(zip(header, row, strict=False)) for row in rows])
                lines = []
        return found


@dataclass(frozen=True)
class Page:
    """A Markdown page: its title and its sections, the one before the first heading first."""

    title: str
    sections: tuple[Section, ...]

    def find(self, start: str) -> Section:
        """The first section whose heading begins so, or an empty one."""
        return next((part for part in self.sections if part.heading.startswith(start)), Section(start, ""))


def read(path: Path) -> Page:
    """Read a page; raises `UserError` if it is missing or has no title."""
    try:
        text = COMMENT.sub("", path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run `python -m stages.report` first") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text in UTF-8 ({error}); run `python -m stages.report` again") from None
    first, *rest = HEADING.split(text)
    title = re.match(r"\s*# +(.*)\n", first)
    if title is None:
        raise UserError(f"{path}: no title, expected `# ...` in its first line; run `python -m stages.report` again")
    sections = [Section("", first[title.end() :].strip())]
    sections += [Section(heading.strip(), body.strip()) for heading, body in zip(rest[::2], rest[1::2], strict=True)]
    return Page(title[1].strip(), tuple(sections))


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it: links of the report name these."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading).lower())
    return kept.replace(" ", "-")


def href(target: str, folder: str = "") -> str:
    """Where a link of the report leads on the site.

    Args:
        target: as written, relative to the page that holds it.
        folder: of that page, below that of the scale: empty or a paper's.
    """
    if re.match(r"[a-z]+:|#", target):
        return target
    path, _, anchor = target.partition("#")
    parts = [*filter(None, folder.split("/")), *path.split("/")]
    while ".." in parts:
        index = parts.index("..")
        del parts[max(0, index - 1) : index + 1]
    name = "/".join(parts)
    if name.endswith(".md"):
        stem = name.removesuffix(".md")
        name = f"{PAGES.get(stem, stem.replace('/', '-'))}.html"
    elif name.endswith((".csv", ".json", ".tex")):
        name = f"data/{name}"
    return f"{name}#{anchor}" if anchor else name


def inline(text: str) -> str:
    """One line of Markdown as HTML."""
    return _parser().renderInline(text, {"folder": "", "caption": ""})


def render(body: str, caption: str, folder: str = "", linker: Linker | None = None) -> str:
    """Markdown as HTML: tables sortable and in a region that scrolls, links leading to the site's own pages.

    Args:
        body: without its heading; headings inside get the anchors of GitHub.
        caption: what the tables are called for a screen reader.
        folder: see `href`.
        linker: says which texts of a table's row become links.
    """
    tokens = _parser().parse(body)
    for table in _tables(tokens):
        _align(table)
        if linker:
            _link(table, linker)
    return _parser().renderer.render(tokens, _parser().options, {"folder": folder, "caption": caption})


@dataclass(frozen=True)
class _Cell:
    """The two tokens of a table's cell: what opens it, and what it holds."""

    opening: Token
    inline: Token

    @property
    def text(self) -> str:
        return _plain(self.inline.content)


def _tables(tokens: list[Token]) -> list[list[list[_Cell]]]:
    """The cells of every table, line by line, the head first."""
    found: list[list[list[_Cell]]] = []
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(_Cell(token, tokens[index + 1]))
    return found


def _align(table: list[list[_Cell]]) -> None:
    """Mark the columns of numbers: the report's Markdown says nothing of alignment."""
    for column in zip(*table, strict=True):
        texts = {cell.text for cell in column[1:]}
        if texts - {"-"} and all(map(NUMBER.fullmatch, texts)):
            for cell in column:
                cell.opening.attrJoin("class", "number")


def _link(table: list[list[_Cell]], linker: Linker) -> None:
    """Put links in the place of texts, where there is none yet."""
    head, *lines = table
    for line in lines:
        cells = {name.text: cell for name, cell in zip(head, line, strict=True)}
        for name, links in linker({name: cell.text for name, cell in cells.items()}).items():
            inline = cells[name].inline
            if all(child.type != "link_open" for child in inline.children or []):
                inline.children = [token for index, link in enumerate(links) for token in _linked(*link, index)]


def _linked(text: str, target: str, index: int) -> list[Token]:
    comma = [Token("text", "", 0, content=", ")] if index else []
    start = Token("link_open", "a", 1, attrs={"href": target})
    return [*comma, start, Token("text", "", 0, content=text), Token("link_close", "a", -1)]


@lru_cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    rules = {"table_open": _table_open, "table_close": _table_close, "th_open": _th_open}
    rules |= {"link_open": _link_open, "image": _image, "heading_open": _heading_open}
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


def _table_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    label = escape(env["caption"] or "table")
    region = f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
    return f'{region}<table class="sortable"><caption class="hidden">{label}</caption>\n'


def _table_close(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    return "</table></div>\n"


def _th_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    return f'<th scope="col"{renderer.renderAttrs(tokens[index])}>'


def _link_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    text = tokens[index + 1]
    if text.content.endswith(".md"):  # the site's pages are no Markdown
        text.content = text.content.removesuffix(".md")
    return f'<a href="{escape(href(str(tokens[index].attrGet("href")), env["folder"]))}">'


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    source = escape(str(tokens[index].attrGet("src")))
    return f'<img src="{source}" alt="{escape(tokens[index].content)}" loading="lazy">'


def _heading_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: dict) -> str:
    return f'<{tokens[index].tag} id="{slug(tokens[index + 1].content)}">'


def _plain(cell: str) -> str:
    text = cell.strip().replace("\\|", "|")
    return re.sub(r"\*\*(.*?)\*\*", r"\1", text).replace("`", "")
