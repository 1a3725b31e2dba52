"""Inline text, cut into what is plain, code, bold, and links; see `model` for the markup."""

import re
from typing import NamedTuple

TEXT, CODE, BOLD, LINK = "text", "code", "bold", "link"
MARKUP = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\[([^\][]*)\]\(([^()\s]+)\)", re.DOTALL)


PAPERS = "https://doi.org/"
FILE = re.compile(r"(?!/)[\w.#/-]+")  # of the reports, relative to the page


class Span(NamedTuple):
    """A run of characters of one kind; `target` is where a link leads."""

    kind: str
    text: str
    target: str = ""


def spans(text: str) -> list[Span]:
    """The runs of an inline text, in their order. Markup inside of markup is plain, but for code in bold and links.

    Code in these loses its backticks, so that every run can be shown as it is.
    """
    found, end = [], 0
    for match in MARKUP.finditer(text):
        if match.start() > end:
            found.append(Span(TEXT, text[end : match.start()]))
        code, bold, label, target = match.groups()
        if code is not None:
            found.append(Span(CODE, code))
        elif bold is not None:
            found.append(Span(BOLD, bold.replace("`", "")))
        else:
            found.append(Span(LINK, label.replace("`", ""), target))
        end = match.end()
    return [*found, Span(TEXT, text[end:])] if end < len(text) else found


def leads_away(target: str) -> bool:
    """Whether a link leads anywhere else than to another file of the reports, or to a paper."""
    return not (FILE.fullmatch(target) or target.startswith(PAPERS))


def plain(text: str) -> str:
    """An inline text without its markup."""
    return "".join(span.text for span in spans(text))
