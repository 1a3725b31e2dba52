"""What is measured, as JSON: every average of every table, and for `dvc metrics` a few counts of each paper."""

import json
import math
from collections import Counter, defaultdict

from redenoise.document.model import IMAGE
from redenoise.support.numbers import EXACT
from stages.report.rows import Comparison
from stages.report.shown import counts


def averages_json(comparisons: list[Comparison]) -> str:
    """Averages and counts as JSON: table, condition, method, metric, value."""
    tree: dict[str, dict] = {}
    for comparison in comparisons:
        conditions = tree.setdefault(comparison.spec.key, {})
        for row in comparison.rows:
            if row.scope != IMAGE and row.reproduced is not None:
                methods = conditions.setdefault(row.condition or "any noise level", {})
                number = EXACT if row.reproduced == math.inf else round(row.reproduced, 4)
                methods.setdefault(row.label, {})[row.metric] = number
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def of_papers(comparisons: list[Comparison]) -> dict[str, str]:
    """How many printed cells of each paper have which status: a file for each by path, a row of `dvc metrics`."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for comparison in comparisons:
        found[comparison.spec.paper].update(counts(comparison))
    files = {f"cells/{paper}.json": {"printed": counted.total(), **counted} for paper, counted in found.items()}
    return {path: json.dumps(counted, indent=2) + "\n" for path, counted in files.items()}
