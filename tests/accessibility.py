"""What axe-core finds on the page that a browser shows."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser import Browser

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# Where pages come from disk, axe cannot read their style sheets a second time: it does without.
RUN = """const done = arguments[arguments.length - 1];
axe.run(arguments[0], {runOnly: arguments[1], resultTypes: ['violations'], preload: false}).then(({violations}) =>
  done(violations.map(({id, nodes}) => [id, nodes[0].html.slice(0, 200), nodes[0].failureSummary])));"""


def source() -> str:
    """The source of axe-core, from the package axe-core-python; skips the test where that is not installed."""
    found = find_spec("axe_core_python")
    if found is None:
        pytest.skip("axe-core-python is not installed, accessibility is not checked: run `make setup`")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def violations(browser: Browser, axe: str, within: str = "html") -> list[list[str]]:
    """Name, place and explanation of what breaks levels A and AA of WCAG 2.1.

    Args:
        axe: see `source`.
        within: selector of the part of the page that is looked at.
    """
    if not browser.run("return typeof axe !== 'undefined'"):
        browser.run(axe)
    return browser.run_later(RUN, within, LEVELS)
