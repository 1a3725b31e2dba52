"""Runs of a cut-down demo whose processes are killed at random, and what is left of them compared with a quiet run."""
