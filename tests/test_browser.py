"""Where the tests in a browser run, and what they do to a machine that has none."""

import os
import shutil
import subprocess

import pytest

from tests import browser


@pytest.mark.parametrize(
    ("asked", "there", "root", "why"),
    [
        ("", True, False, None),
        ("0", True, True, "REDENOISE_BROWSER_TESTS is 0"),
        ("", False, True, "set REDENOISE_BROWSER_TESTS=1 to have it installed"),
        ("1", False, False, "only root on Debian could do it"),
        ("1", False, True, None),
    ],
)
def test_nothing_is_installed_unasked(monkeypatch: pytest.MonkeyPatch, asked: str, there: bool, root: bool, why):
    commands = []
    monkeypatch.setenv(browser.ASKED, asked)
    monkeypatch.setattr(shutil, "which", lambda name: name if there or name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command) or done)
    if why:
        with pytest.raises(pytest.skip.Exception, match=why):
            browser.install()
    else:
        browser.install()
    assert bool(commands) == (asked == "1" and not there and root)


def test_an_installation_that_fails_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(browser.ASKED, "1")
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    failed = subprocess.CompletedProcess([], 100, "", "E: no network")
    monkeypatch.setattr(subprocess, "run", lambda command, **options: failed)
    with pytest.raises(pytest.skip.Exception, match="chromium and chromium-driver cannot be installed: E: no network"):
        browser.install()
