"""Debian's packages that a test needs, installed by root where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

SECONDS = 240  # for one command of apt, a lock of someone else's included
UPDATE_SECONDS = 60  # a machine without a network should not wait for long
SHORT = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"]
failed: list[str] = []  # why apt failed in this process; it is not tried again
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
    if failed:
        raise Missing(f"{names} cannot be installed either: {failed[0]}")
    # Waits for another one that installs, such as a test that runs beside this one.
    get = ["install", "-y", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends", *packages]
    # Lists of packages may be missing or old.
    problem = _apt(get, SECONDS) and (_apt(["update"], UPDATE_SECONDS) or _apt(get, SECONDS))
    if problem:
        failed.append(problem)
        raise Missing(f"{names} cannot be installed: {problem}")


def _apt(arguments: list[str], seconds: int) -> str:
    """Why a command of apt failed, empty if it did not."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = {"env": quiet, "capture_output": True, "text": True, "check": False, "timeout": seconds}
    try:
        done = subprocess.run(["apt-get", "-qq", *SHORT, *arguments], **options)
    except subprocess.TimeoutExpired:
        return f"apt-get {arguments[0]} did not end within {seconds} s"
    return (done.stderr.splitlines() or ["?"])[-1] if done.returncode else ""
