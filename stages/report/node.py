"""`python -m stages.report [--scale S]`: all tables, the overview, the notes and the metrics of one scale.

A first word chooses something else to make from them: diff, latex, mos or site, each with a `--help` of its own.
"""

from stages.report import (
    designs,
    join,
    layout,
    task_layout,
    tasks,
)
from stages.report.kinds import DesignTable, Table, TaskTable

JOINS = {Table: join, DesignTable: designs, TaskTable: tasks}  # by kind of table: what joins it, what lays it out
LAYOUTS = {Table: layout, DesignTable: designs, TaskTable: task_layout}
# First words of the command line: modules with a function main(arguments), loaded only when they are asked for.
COMMANDS = {
    "diff": "redenoise.commands.diff.__main__",
    "latex": "redenoise.commands.latex.__main__",
    "mos": "redenoise.commands.opinion.__main__",
    "site": "redenoise.commands.site.build",
}
