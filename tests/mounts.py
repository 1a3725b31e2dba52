"""File systems of a test: small ones that fill up, and read-only ones. Where mounting is not permitted, a skip."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """`mount OPTIONS FOLDER` while the block runs; further ones on the same folder are undone with it."""
    try:
        result = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if result.returncode:
        pytest.skip(f"mounting is not permitted here (run as root): {result.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str = "8m") -> Iterator[None]:
    """An empty disk of a few MB at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield


@contextmanager
def read_only(source: Path, folder: Path) -> Iterator[None]:
    """The contents of `source` at `folder`, where nobody can write, not even root."""
    folder.mkdir(parents=True, exist_ok=True)
    with mounted(folder, "--bind", str(source)):
        result = subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], capture_output=True, check=False)
        if result.returncode:
            pytest.skip("remounting is not permitted here (run as root)")
        yield
