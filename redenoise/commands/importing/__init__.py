"""Weights from elsewhere become a family: `redenoise import`."""
