"""git, asked about the repository whose root is this checkout, and about no other."""

import os
import subprocess
from pathlib import Path

from redenoise.support.errors import UserError

# What would have git look at another repository, index or pattern than it is asked about, mostly as
# `git rev-parse --local-env-vars` lists it; hooks set some of these. What only configures git stays.
ELSEWHERE = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_SHALLOW_FILE"),
    *("GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_CEILING_DIRECTORIES"),
    *("GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
    *("GIT_ICASE_PATHSPECS", "GIT_INTERNAL_SUPER_PREFIX"),
}
# Several nodes may ask at once, beside a commit of the user's; nobody is there to type a password.
SETTINGS = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class GitError(UserError):
    """git cannot tell; the message is its reason."""


def ask(root: Path, *arguments: str) -> bytes:
    """What a command of git prints.

    Args:
        root: of the checkout, which has to be that of its repository.

    Raises:
        GitError: git is not installed, `root` is not the root of a repository, or the command fails.
    """
    top = Path(os.fsdecode(_run(root, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    if not top.exists() or not top.samefile(root):
        raise GitError(f"{root.resolve()} is no repository of its own; the one around it is that of {top}")
    return _run(root, *arguments)


def _run(root: Path, *arguments: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE} | SETTINGS
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise GitError(f"git: {error.strerror}") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise GitError(said or f"git {arguments[0]} failed")
    return done.stdout
