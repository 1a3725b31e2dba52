"""Pictures that will not do: the first ends the call, or each is named and passed over if that was asked for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from redenoise.support.errors import Unavailable, UserError


class Refused(UserError):
    """A picture that will not do, where others may."""


@contextmanager
def refused(source: Path) -> Iterator[None]:
    """Say of which picture a `UserError` inside the block is; that weights are not there is of none."""
    try:
        yield
    except Unavailable:
        raise
    except UserError as error:
        raise Refused(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None


@dataclass
class Refusals:
    """What becomes of refused pictures.

    Attributes:
        skip: whether they are passed over.
        total: pictures of the call.
        what: they are called.
        count: those that were passed over so far.
    """

    skip: bool
    total: int
    what: str = "pictures"
    count: int = 0

    @contextmanager
    def passed_over(self) -> Iterator[None]:
        """Name a picture that is refused inside the block and go on behind it, or raise `UserError`."""
        try:
            yield
        except Refused as error:
            if not self.skip:
                raise UserError(f"{error}; --skip passes over it" if self.total > 1 else str(error)) from None
            tqdm.write(f"skipped: {' '.join(str(error).split())}", file=sys.stderr)
            self.count += 1

    def close(self) -> None:
        """Say how many were passed over; raises `UserError` if no picture is left."""
        line = f"skipped {self.count} of {self.total} {self.what}"
        if self.count == self.total:
            raise UserError(f"{line}, expected one that is not refused; the lines above say what to do")
        if self.count:
            print(line, file=sys.stderr)
