"""The command line that the verbs share."""

import argparse


def parser(verb: str, description: str | None, scale: bool = True) -> argparse.ArgumentParser:
    """A parser for `redenoise <verb>`.

    Args:
        verb: with its sub-command, if it has some.
        description: the docstring of the verb's module; shown as it is.
        scale: whether it takes `--scale NAME`.
    """
    made = argparse.ArgumentParser(
        prog=f"redenoise {verb}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if scale:
        made.add_argument("--scale", help="a file of workflow/scales (default: the scale of params.yaml)")
    return made
