"""The papers, one module each: `PAPER`, and the printed tables that the report lays out, `TABLES`.

To add a table, add it to the `TABLES` of its paper; to add a paper, add a module and its CSV file in published/. To put
another measured method behind a printed one, change the `measured` of that one line.
"""

import pkgutil
from importlib import import_module

from stages.report.kinds import Paper, Printed


def load() -> tuple[dict[str, Paper], tuple[Printed, ...]]:
    """All papers by their keys, those with tables first, and all tables, by their keys."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    modules.sort(key=lambda module: (not module.TABLES, module.PAPER.key))
    tables = [table for module in modules for table in module.TABLES]
    return {module.PAPER.key: module.PAPER for module in modules}, tuple(sorted(tables, key=lambda table: table.key))
