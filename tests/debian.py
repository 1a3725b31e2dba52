"""Debian's packages that a test needs, installed by root where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 240  # for one command of apt, a lock of someone else's included


class Missing(Exception):
    """Why the packages cannot be had here, in one line."""


def install(*packages: str) -> None:
    """Install Debian's packages; raises `Missing` where this user or this machine cannot."""
    names = " and ".join(packages)
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        raise Missing(f"{names} not installed here, and only root on Debian could do it")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Waits for another one that installs, such as a test that runs beside this one.
    get = ["install", "-y", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends", *packages]
    for command in (get, ["update"], get):  # lists of packages may be missing or old
        options = {"env": quiet, "capture_output": True, "text": True, "check": False, "timeout": SECONDS}
        try:
            done = subprocess.run(["apt-get", "-qq", *command], **options)
        except subprocess.TimeoutExpired:
            raise Missing(f"apt-get {command[0]} did not end within {SECONDS} s") from None
        if command is get and done.returncode == 0:
            return
    raise Missing(f"{names} cannot be installed: {(done.stderr.splitlines() or ['?'])[-1]}")
