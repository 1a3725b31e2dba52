"""What the stages of the DAG share, and the commands around it."""

from redenoise import instructions

instructions.pin()  # before numpy and PyTorch are imported
