"""The static site of one scale."""
