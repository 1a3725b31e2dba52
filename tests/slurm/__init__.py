"""A Slurm of one machine, for the tests."""
