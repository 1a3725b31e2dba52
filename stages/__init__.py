"""The stages of the ReDenoise pipeline, one sub-package each, in the order in which data flows."""

import gc
import sys

# `python -m stages.<stage>` is importing this. What a command imports lives as long as the command, with PyTorch some
# 300,000 objects: looking for garbage among them, again and again and at the end, takes as long as half of the import.
# `run_cli` switches it on again, and leaves them out of it.
if sys.argv[:1] == ["-m"]:
    gc.disable()
