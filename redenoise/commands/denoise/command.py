"""Denoise pictures of your own.

    redenoise denoise x.png --out out --method proposed --sigma 25
    redenoise denoise holiday --out out --method bm3d                       # a folder; the noise level is estimated
    redenoise denoise x.png --out out --compare bm3d,cdncnn_b --add-noise 25
    redenoise denoise --list

Pictures are PNG, JPEG, WebP, TIFF or BMP, gray or colour, with 8 or 16 bits per channel. A result bears the name of its
picture and has its format, depth and transparency; what could not be kept is refused before anything is computed.
"""

import argparse
from pathlib import Path

import torch

from redenoise.commands.denoise import inputs
from redenoise.commands.denoise.methods import Method, method, methods
from redenoise.commands.denoise.work import Call, run
from redenoise.commands.parsing import parser
from redenoise.commands.refusals import Refusals
from redenoise.dag.config import Config, load_config
from redenoise.measure.torch_mode import set_mode
from redenoise.support.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; raises `UserError` for what cannot be done, before anything is."""
    options = parser("denoise", __doc__, scale=False)
    options.add_argument("pictures", nargs="*", type=Path, metavar="IN", help="pictures, and folders that hold some")
    options.add_argument("--out", type=Path, metavar="FOLDER", help="where results go, under the names of the pictures")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--method", metavar="NAME", help="a denoiser or filter that --list names")
    which.add_argument("--compare", metavar="A,B,C", help="several, a folder each, and one page that shows them")
    which.add_argument("--list", action="store_true", help="the methods and their noise levels")
    options.add_argument(
        "--sigma", type=float, metavar="S", help="noise level on the [0, 255] scale (default: estimated)"
    )
    clean = options.add_mutually_exclusive_group()
    clean.add_argument("--add-noise", type=float, metavar="S", help="add noise of this level first, and measure")
    clean.add_argument(
        "--clean", type=Path, metavar="FOLDER", help="clean pictures of the same names to measure against"
    )
    options.add_argument("--skip", action="store_true", help="name pictures that are refused, and do the others")
    options.add_argument("--overwrite", action="store_true", help="replace results that are there")
    given = options.parse_args(arguments)
    config = load_config()
    if given.list:
        print(listing(methods(config)))
        return
    call = asked(config, given)
    set_mode("reference", torch.get_num_threads())
    run(call)


def asked(config: Config, given: argparse.Namespace) -> Call:
    """What a command line asks for, with every check that needs no decoded picture."""
    names = [given.method] if given.method else [name.strip() for name in (given.compare or "").split(",")]
    missing = {"IN": given.pictures, "--out": given.out, "--method or --compare": names[0]}
    if absent := next((name for name, value in missing.items() if not value), None):
        raise UserError(f"redenoise denoise: no {absent}; give it, --help shows how and --list names the methods")
    for option, level in (("--sigma", given.sigma), ("--add-noise", given.add_noise)):
        if level is not None and not 0 <= level <= 255:
            raise UserError(f"{option} {level:g}: expected 0 to 255, the scale of 8 bits; correct it")
    if given.clean and not given.clean.is_dir():
        raise UserError(f"--clean {given.clean}: no such folder; correct the path")
    found = inputs.pictures(given.pictures, given.out)
    chosen = [method(config, name) for name in dict.fromkeys(names)]
    sigma = given.add_noise if given.sigma is None else given.sigma
    if sigma is not None:
        for one in chosen:
            one.level_for(sigma, estimated=False)  # refused where it has no weights for it
    refusals = Refusals(given.skip, len(found))
    facts, clean = inputs.checked(found, chosen, given.clean, refusals)
    found = {name: source for name, source in found.items() if source in facts}
    seed, compare = config.params["seed"], given.compare is not None
    call = Call(found, clean, chosen, sigma, given.add_noise, seed, given.out, compare, refusals)
    inputs.check_free(call.targets(), [*found.values(), *clean.values()], given.overwrite)
    return call


def listing(known: dict[str, Method]) -> str:
    """The methods, their noise levels, and what pictures they take, or what they lack."""
    width, levels = max(map(len, known)), max(len(one.levels) for one in known.values())
    kinds = {True: "colour", False: "gray; colour channel by channel"}
    lines = []
    for name, one in known.items():
        kind = f"not here: {one.missing}" if one.missing else kinds[one.color] if one.ranges else "filter"
        lines.append(f"{name:{width}}  {one.levels:{levels}}  {kind}")
    return "\n".join(lines)
