"""A folder of somebody's images becomes a test set, and is taken out again: `redenoise manifest`."""
