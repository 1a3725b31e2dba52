"""The static site of one scale: `python -m stages.report site [--scale S] [--output FOLDER]`."""
