"""How every command starts."""

import atexit
import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from redenoise.support.errors import run_cli
from redenoise.support.memory import keep_freed


def launch(module_name: str, arguments: list[str] | None = None) -> None:
    """Import a module and run its `main(arguments)`; what a user can mend ends the process with one line.

    Args:
        module_name: with a function `main(arguments: list[str] | None)`.
        arguments: of its command line; without them those of this process.
    """
    run_cli(lambda: imported(module_name).main(arguments))


def imported(module_name: str) -> ModuleType:
    """Import a module, see `importing`, into a process that keeps the memory that it frees."""
    keep_freed()
    with importing():
        return importlib.import_module(module_name)


@contextmanager
def importing() -> Iterator[None]:
    """Import what this block imports without looking for garbage meanwhile.

    What a command imports lives as long as the command, with PyTorch some 300,000 objects: looking for garbage among
    them, again and again and at the end, takes as long as half of the import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(_thaw)


def _thaw() -> None:
    """Let the end find the objects of Triton, where it has been loaded: it prints a page about those that are left."""
    if "triton._C.libtriton" in sys.modules:
        gc.unfreeze()
