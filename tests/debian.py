"""Debian's packages that a test needs, installed by root where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 240  # for one command of apt, a lock of someone else's included


DAEMONS = "/usr/sbin"  # not on every user's PATH


class Missing(Exception):
    """Why the packages cannot be had here, in one line."""


def provide(programs: dict[str, str], variable: str) -> None:
    """See that programs are here; they are installed only where that is asked for.

    Args:
        programs: Debian's package by program.
        variable: of the environment. Empty: use what is here; `0`: do without it; else install what is missing.

    Raises:
        Missing: they are not here, or not wanted.
    """
    asked, packages = os.environ.get(variable, ""), missing(programs)
    if asked == "0":
        raise Missing(f"{variable} is {asked}")
    if packages and not asked:
        names = " and ".join(packages)
        raise Missing(f"{names} not installed here; set {variable}=1 to have it installed (as root, on Debian)")
    if packages:
        install(*packages)


def missing(programs: dict[str, str]) -> list[str]:
    """Packages of the programs that are not here."""
    path = f"{os.environ['PATH']}:{DAEMONS}"
    return sorted({package for program, package in programs.items() if shutil.which(program, path=path) is None})


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
