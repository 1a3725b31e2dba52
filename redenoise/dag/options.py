"""The options that networks take, read from their files as text: importing them would take every command seconds."""

import ast
from functools import cache
from pathlib import Path

ROOMS = Path(__file__).resolve().parents[1]


@cache
def names(*folders: str) -> list[str]:
    """Names of the modules in some folders of models that define a network with `build`, a filter, or a degradation."""
    files = [file for folder in folders for file in sorted(ROOMS.glob(f"*/{folder}/[a-z]*.py"))]
    wanted = ("\ndef build(", "\ndef denoise(", "\ndef degrade(")
    return [file.stem for file in files if any(text in file.read_text(encoding="utf-8") for text in wanted)]


@cache
def of(folder: str, name: str) -> tuple[str, ...]:
    """Options of a network: the arguments of `build`, or of the class that it makes with all of its own.

    Empty if the file does not show them; whether an option fits is then seen when the network is built.
    """
    path = ROOMS / "models" / folder / f"{name}.py"
    body = ast.parse(path.read_bytes()).body if path.is_file() else []
    made = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    build = made.get("build")
    if not isinstance(build, ast.FunctionDef):
        return ()
    if build.args.kwarg is None:
        return _arguments(build)
    calls = [node.func.id for node in ast.walk(build) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    classes = [made[call] for call in calls if isinstance(made.get(call), ast.ClassDef)]
    starts = [node for found in classes for node in found.body if getattr(node, "name", "") == "__init__"]
    return _arguments(starts[0])[1:] if len(starts) == 1 and isinstance(starts[0], ast.FunctionDef) else ()


@cache
def parameter(degradation: str) -> str:
    """What the level of a degradation is called, such as `scale`: `PARAMETER` of its module; "level" if it has none."""
    path = ROOMS / "measure/degradations" / f"{degradation}.py"
    body = ast.parse(path.read_bytes()).body if path.is_file() else []
    assigned = {ast.unparse(node.targets[0]): node.value for node in body if isinstance(node, ast.Assign)}
    value = assigned.get("PARAMETER")
    return str(value.value) if isinstance(value, ast.Constant) else "level"


def _arguments(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(argument.arg for argument in (*function.args.args, *function.args.kwonlyargs))
