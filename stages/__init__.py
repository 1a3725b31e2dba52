"""The stages of the ReDenoise pipeline, one sub-package each, in the order in which data flows."""
