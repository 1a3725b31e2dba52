"""What tests do to a machine that lacks the programs they need."""

import os
import shutil
import subprocess

import pytest

from tests import debian
from tests.browser import ASKED, PROGRAMS


@pytest.mark.parametrize(
    ("asked", "there", "root", "why"),
    [
        ("", True, False, None),
        ("0", True, True, "^REDENOISE_BROWSER_TESTS is 0"),
        ("", False, True, "^chromium and chromium-driver not installed here; set REDENOISE_BROWSER_TESTS=1"),
        ("1", False, False, "only root on Debian could do it"),
        ("1", False, True, None),
    ],
)
def test_nothing_is_installed_unasked(monkeypatch: pytest.MonkeyPatch, asked: str, there: bool, root: bool, why):
    commands = []
    monkeypatch.setattr(debian, "failed", [])
    monkeypatch.setenv(ASKED, asked)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: name if there or name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command) or done)
    if why:
        with pytest.raises(debian.Missing, match=why):
            debian.provide(PROGRAMS, ASKED)
    else:
        debian.provide(PROGRAMS, ASKED)
    assert bool(commands) == (asked == "1" and not there and root)


def test_an_installation_that_fails_tells_its_reason_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(debian, "failed", [])
    monkeypatch.setenv(ASKED, "1")
    monkeypatch.setattr(shutil, "which", lambda name, path=None: name if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    failed, commands = subprocess.CompletedProcess([], 100, "", "E: no network"), []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command) or failed)
    with pytest.raises(debian.Missing, match="^chromium and chromium-driver cannot be installed: E: no network"):
        debian.provide(PROGRAMS, ASKED)
    with pytest.raises(debian.Missing, match="cannot be installed either: E: no network"):
        debian.provide(PROGRAMS, ASKED)
    assert len(commands) == 2
