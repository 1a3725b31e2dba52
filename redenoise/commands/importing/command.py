"""Make weights from elsewhere a family of this project.

    redenoise import their.pth --network dncnn --name theirs --sigma 25
    redenoise import their50.pth --network dncnn --name theirs --sigma 50       # one more level of it
    redenoise import ffdnet_gray.pth --network ffdnet --name ffdnet_gray --sigma-range 0 75
    redenoise import --remove theirs                                            # takes all of it back

reads a state dict of PyTorch, a MATLAB file or a safetensors file without running anything in it, writes the network
and its card into weights/ and its entry into `families` of params.yaml. From then on it is a family like any other:
`redenoise denoise` takes it by name, and an entry of `evaluations` measures it.
"""

from pathlib import Path
from typing import Any

import yaml
from torch import nn

from redenoise.commands.convert import card_of, of_authors
from redenoise.commands.importing import files, fit
from redenoise.commands.importing.entry import check_name, entry, evaluations, one_line, with_family
from redenoise.commands.importing.removal import remove
from redenoise.commands.parsing import parser
from redenoise.commands.release import releasing
from redenoise.dag import options as known
from redenoise.dag import paths
from redenoise.dag.config import PARAMS, load_config
from redenoise.dag.levels import model_names, noise_ranges
from redenoise.measure.apply import denoise
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import add_noise
from redenoise.models.denoisers.dncnn import DnCNN
from redenoise.models.weights import save_network
from redenoise.support.errors import UserError, choices
from redenoise.support.files import all_or_nothing, write_json, write_text

EPSILON = 1e-5  # of a normalisation of PyTorch, unless its program says otherwise
SIDE = 128  # pixels of the photograph that imported weights are tried on
TRIED = 25  # the level of its noise, where the weights serve it
UNCHANGED = 0.01  # dB
LOW, GAIN = 15, 5.0  # a network for a noise level from LOW on gains more dB than GAIN


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` for what does not fit, and then nothing has changed."""
    options = parser("import", __doc__, scale=False)
    options.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the weights")
    options.add_argument("--network", help="a module of redenoise/models/denoisers, such as dncnn")
    options.add_argument("--name", help="of the family, a new one or one that was imported before")
    levels = options.add_mutually_exclusive_group()
    levels.add_argument("--sigma", type=int, metavar="S", help="the noise level they were trained for, [0, 255] scale")
    levels.add_argument("--sigma-range", type=int, nargs=2, metavar=("LOW", "HIGH"), help="or the range of levels")
    options.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the network")
    options.add_argument("--eps", type=float, default=EPSILON, help="of normalisation that is merged (default: 1e-5)")
    options.add_argument("--data", default="", help="the entry of downloads that they were trained on, if there is one")
    options.add_argument("--remove", metavar="NAME", help="take an imported family back; alone")
    given = options.parse_args(arguments)
    wanted = {"FILE": given.file, "--network": given.network, "--name": given.name}
    wanted["--sigma or --sigma-range"] = given.sigma if given.sigma is not None else given.sigma_range
    if given.remove is not None:
        if extra := [option for option, value in wanted.items() if value is not None]:
            raise UserError(f"redenoise import: --remove stands alone, without {extra[0]}; leave that out")
        with releasing():
            print(remove(given.remove))
        return
    if absent := next((option for option, value in wanted.items() if value is None), None):
        raise UserError(f"redenoise import: no {absent}; give it, --help shows how")
    check_name(given.name)
    # EPLL is a prior: `redenoise prior` fits it.
    if given.network not in (networks := [name for name in known.names("denoisers") if name != "epll"]):
        raise UserError(f"--network {given.network!r} is not known; {choices(given.network, networks)}")
    if not all(0 <= level <= 255 for level in [given.sigma or 0, *(given.sigma_range or [])]):
        raise UserError("--sigma or --sigma-range: expected whole levels from 0 to 255; correct it")
    serves = {"sigmas": [given.sigma]} if given.sigma is not None else {"sigma_range": given.sigma_range}
    spec = {"name": given.network, **dict(_option(given.network, text) for text in given.option)}
    with releasing():
        print(take(given.file, spec, given.name, serves, given.eps, given.data))


def take(path: Path, spec: dict[str, Any], name: str, levels: dict[str, Any], epsilon: float, data: str) -> str:
    """Make a file of weights a model of a family; returns what to say about it.

    Args:
        path: the file.
        spec: name of the network and the options that were given.
        name: of the family.
        levels: `sigmas` with one level, or `sigma_range`, as in the entry of a family.
        epsilon: of normalisation that is merged.
        data: entry of `downloads` that the weights were trained on, or empty.

    Raises:
        UserError: the file, the network or the name does not fit; nothing has changed then.
    """
    params = load_config().params
    state, stored = files.read(path, spec["name"])
    network, spec = fit.fitted(path, state, {**(stored or {}), **spec}, epsilon)
    family = entry(params, name, spec, levels, data)
    model = model_names(levels)[0]
    target = paths.WEIGHTS / f"{name}-{model}.safetensors"
    if target.exists():
        back = f"take it back with `redenoise import --remove {name}`, or delete it and its card"
        raise UserError(f"{target}: there already; choose another --name, or {back}")
    tried = _tried(network, name, spec["channels"], *noise_ranges(levels)[model])
    origin = f"weights of others, {path.name}"
    with all_or_nothing([PARAMS, target, target.with_suffix(".json")]):
        save_network(target, network, spec, origin)
        card = card_of(path, target, network, spec, origin) | of_authors(name, model, noise_ranges(levels)[model])
        write_json(target.with_suffix(".json"), card)
        write_text(PARAMS, with_family(PARAMS.read_text(encoding="utf-8"), name, family))
        params = load_config().params
    return "\n".join(
        [
            f"{target}: {', '.join(f'{key} {value}' for key, value in spec.items())}",
            f"{PARAMS}: families.{name}, taken to be trained on {family['data']}",
            tried,
            *_next(name, evaluations(params, name), params["downloads"]),
        ]
    )


def _next(name: str, runs: dict[str, dict[str, Any]], downloads: dict[str, dict[str, Any]]) -> list[str]:
    """What to do with an imported family, in lines.

    Args:
        runs: the entries of `evaluations` that would measure it.
        downloads: those of params.yaml, which say what the sets are called.
    """
    return [
        f"`redenoise denoise PICTURE --out out --method {name}` uses it. To measure it at a scale such as bench,",
        "add to `evaluations` of params.yaml what you want of:",
        *(f"  {one_line(key, run)}  # {downloads[run['dataset']]['title']}" for key, run in runs.items()),
        "and run, for those that you have added,",
        f"  snakemake --cores all --config scale=bench -- {' '.join(str(paths.results('bench', key)) for key in runs)}",
        "  redenoise report --scale bench      # puts averages into build/bench/report/averages.csv",
    ]


def _option(network: str, text: str) -> tuple[str, Any]:
    """One `--option` of a network: its name, and its value as params.yaml would have it."""
    name, equals, value = text.partition("=")
    try:
        found = yaml.safe_load(value)
    except yaml.YAMLError:
        found = None
    if not equals or not name or found is None:
        raise UserError(f"--option {text!r}: expected NAME=VALUE, such as depth=17; correct it")
    if name not in (names := known.of("denoisers", network)):
        raise UserError(f"--option {text!r}: {network} has no such option; {choices(name, names)}")
    return name, found


def _tried(network: nn.Module, name: str, channels: int, low: int, high: int) -> str:
    """What the network makes of a photograph with noise, so that a wrong range or order of pixels is seen at once."""
    from skimage import data  # here: a second, after all that can be wrong

    sigma = TRIED if low <= TRIED <= high else high
    clean = data.astronaut()[:SIDE, 150 : 150 + SIDE]
    clean = clean if channels == 3 else clean[..., 1]
    noisy = add_noise(clean, seed=0, dataset="import", image="astronaut", sigma=sigma)

    def quality() -> float:
        return psnr(to_uint8(denoise(network, noisy, sigma)), clean)

    before, after = psnr(to_uint8(noisy), clean), quality()
    found = f"a photograph with noise of sigma {sigma}: PSNR {before:.2f} to {after:.2f} dB"
    todo = f"to try again, take it back first: `redenoise import --remove {name}`"
    if after > before + UNCHANGED:
        if sigma < LOW or after >= before + GAIN:
            return found
        usual = "DnCNN gains 7 dB at sigma 15, 9 at 25, 11 at 50; its level or an option may be another one"
        return f"warning: {found}; {usual}; {todo}"
    cause = "the level, --eps, the range [0, 1] or the order of colours may be others, or normalisation was left out"
    if abs(after - before) <= UNCHANGED:
        cause = "it changes next to nothing, as a network does that is not trained"
    elif isinstance(network, DnCNN) and network.residual:
        network.residual = False  # the same weights, as those of a network that predicts the image
        other = quality()
        network.residual = True
        cause = f"with `--option residual=false` it comes to {other:.2f} dB" if other > before else cause
    return f"warning: {found}, which is no denoising; {cause}; {todo}"
