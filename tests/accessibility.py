"""What axe-core finds on the page that a browser shows."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser import Browser

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# Of no level, but what they find is a mistake: a head of a table that no reader of the page can take for one.
TABLES = {"scope-attr-valid": {"enabled": True}}
# Where pages come from disk, axe cannot read their style sheets a second time: it does without.
RUN = """const done = arguments[arguments.length - 1];
const chosen = {runOnly: arguments[1], rules: arguments[2]};
axe.run(arguments[0], {...chosen, resultTypes: ['violations'], preload: false}).then(({violations}) =>
  done(violations.map(({id, nodes}) => [id, nodes[0].html.slice(0, 200), nodes[0].failureSummary])));"""

ALIKE = """const form = (part) => [part.tagName, part.className?.baseVal ?? part.className, part.getAttribute('style'),
  part.getAttribute('role'), Boolean(part.textContent.trim()), ...[...part.children].map(form)].join();
for (const parent of document.querySelectorAll('tbody, ul, ol, dl, svg, svg g')) {
  const seen = {};
  for (const part of [...parent.children]) {
    const name = form(part);
    seen[name] = (seen[name] ?? 0) + 1;
    if (seen[name] > 2) part.remove();
  }
}"""


def source() -> str:
    """The source of axe-core, from the package axe-core-python; skips the test where that is not installed."""
    found = find_spec("axe_core_python")
    if found is None:
        pytest.skip("axe-core-python is not installed, accessibility is not checked: run `make setup`")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def violations(browser: Browser, axe: str, within: str = "html") -> list[list[str]]:
    """Name, place and explanation of what breaks levels A and AA of WCAG 2.1, or a rule of `TABLES`.

    Args:
        axe: see `source`.
        within: selector of the part of the page that is looked at.
    """
    if not browser.run("return typeof axe !== 'undefined'"):
        browser.run(axe)
    return browser.run_later(RUN, within, LEVELS, TABLES)


def leave_two_of_each_form(browser: Browser) -> None:
    """Take away rows, items and marks that differ from two beside them in nothing but their words."""
    browser.run(ALIKE)
