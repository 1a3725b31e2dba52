"""`python -m redenoise <verb>`, which is what the command `redenoise <verb>` runs."""

from redenoise.support.start import launch

launch("redenoise.commands.main")
