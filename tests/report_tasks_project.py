"""Hand-made results of the high-level tasks, and how to read their pages, for the tests of the report."""

import re

import numpy as np

from redenoise.dag.config import Config
from redenoise.document import markdown
from stages.report import node as stage
from stages.report import task_layout, tasks
from stages.report.kinds import TaskTable
from stages.report.rows import Comparison
from stages.report.tables import TASK_TABLES
from tests.report_project import ranks, write_recognition

CLASSIFICATION, SEGMENTATION = "liu2020/table4_classification", "liu2020/table5_segmentation"
IMAGES, LEVELS = 50000, (15, 30, 45, 60)
# Nodes of params.yaml by method, for both tasks: `<task>-<name>`.
NOISY, CLEAN = ("recognize_filtered", "noisy"), ("recognize_filtered", "clean")
SEPARATE, JOINT, CROSS, MSE = [("recognize", name) for name in ("separate", "joint_2020", "cross_2020", "mse")]


def spec_of(key: str) -> TaskTable:
    return next(table for table in TASK_TABLES if table.key == key)


def write(config: Config, task: str, node: tuple[str, str], values: dict[str, np.ndarray], **more: str) -> None:
    write_recognition(config, node[0], f"{task}-{node[1]}", values, **more)


def classify(config: Config, node: tuple[str, str], hits: dict[str, int], images: int = IMAGES) -> None:
    """Results of a node on ImageNet: the first `hits` images are right at top-1, 5,000 more at top-5."""
    write(config, "classification", node, {name: ranks(count, images, count + 5000) for name, count in hits.items()})


def join(config: Config, key: str) -> tuple[Comparison, str]:
    """One table, joined, and its page."""
    context = stage.load_context(config)
    comparison = tasks.compare(spec_of(key), context)
    return comparison, markdown.render(task_layout.document(comparison, context))


def cells(text: str, start: str) -> list[str]:
    """The cells of the first line of a page that begins so."""
    line = next(line for line in text.splitlines() if re.match(start, line))
    return [cell.strip() for cell in line.strip("|").split("|")]


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}")[2].partition("\n## ")[0]
