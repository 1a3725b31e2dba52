"""How long methods take for one image: the files `reports/benchmark/methods-<device>.json` of `redenoise benchmark`.

No node measures it, since it would say something else on every machine; the report takes what is committed, so that it
is the same everywhere.
"""

from dataclasses import dataclass
from pathlib import Path

from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from redenoise.support.numbers import is_number

FOLDER = Path("reports/benchmark")
COMMAND = "redenoise benchmark methods"


@dataclass(frozen=True)
class Times:
    """What one machine needed.

    Attributes:
        machine: in words.
        seconds: (method as the benchmark calls it, side of the image in pixels) to seconds.
    """

    machine: str
    seconds: dict[tuple[str, str], float]


def load() -> dict[str, Times]:
    """By kind of machine, `cpu` or `cuda`; of several files of a kind the first by name.

    Raises:
        UserError: a file is no such JSON, or a time no number above 0.
    """
    found: dict[str, Times] = {}
    for path in sorted(FOLDER.glob("methods-*.json")):
        data = read_json(path, dict, ("machine", "found"))
        try:
            here = data["machine"]
            machine = f"{here['device']}, {here['cores']} cores, PyTorch {here['torch']}"
            seconds = {
                (name, size): float(one["seconds"])
                for name, sizes in data["found"].items()
                for size, one in sizes.items()
            }
            kind = str(here["kind"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path}: not what a benchmark writes ({error!r}); run `{COMMAND}` again") from None
        if wrong := next(
            (place for place, value in seconds.items() if not (is_number(str(value)) and value > 0)), None
        ):
            raise UserError(f"{path}: {'/'.join(wrong)} is no number of seconds above 0; run `{COMMAND}` again")
        found.setdefault(kind, Times(machine, seconds))
    return found
