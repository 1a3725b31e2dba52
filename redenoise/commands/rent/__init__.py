"""Training on a machine that is lent for a limited time: `redenoise rent`."""

from pathlib import Path

GROUPS = Path("workflow/rented.yaml")
