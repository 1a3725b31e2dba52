"""A node depends on the code that can change its numbers and on nothing else; imports go down, never in a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from redenoise.commands import dvc
from redenoise.dag import code, graph, options
from redenoise.dag.config import load_config
from redenoise.dag.table import STAGES
from tests.conftest import ROOT

# Each may import itself and those before it.
LAYERS = (
    "instructions",
    "support",
    "dag",
    "sources",
    "data",
    "models",
    "measure",
    "training",
    "recognition",
    "joint",
    "document",
)
TREES = {path: ast.parse(path.read_bytes()) for room in ("stages", "redenoise") for path in (ROOT / room).rglob("*.py")}
# Files that import modules by a name that they are given, and where the names come from.
BY_NAME = {
    "redenoise/models/denoisers/__init__.py": "entries of params.yaml: `models` in the table of stages, or code.json",
    "redenoise/models/recognizers/__init__.py": "the same",
    "redenoise/models/filters/__init__.py": "entries of params.yaml: `models` in the table of stages",
    "redenoise/measure/degradations/__init__.py": "the same",
    "redenoise/support/start.py": "the stages' own nodes, and the verbs of the command line",
    "stages/report/papers/__init__.py": "the modules beside it, all of which belong to the report",
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """Modules of the project that a file imports anywhere, by this test's own reading."""
    modules, found = set(map(name_of, TREES)), set()
    for node in ast.walk(TREES[path]):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import, which the following of imports does not see"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            while name and name not in modules:
                name = name.rpartition(".")[0]
            found.add(name)
    return found - {"", name_of(path)}


def test_every_import_leads_to_declared_code_or_to_what_no_number_depends_on():
    by_name = {name_of(path): path for path in TREES}
    for stage in STAGES:
        node = f"stages.{stage.name}.node"
        seen, waiting = {node}, [node]
        while waiting:
            for found in imports(by_name[waiting.pop()]) - seen:
                if not found.startswith(code.LEFT_OUT):
                    seen.add(found)
                    waiting.append(found)
        declared = set(code.determining((f"stages/{stage.name}/node.py",)))
        needed = {by_name[name].relative_to(ROOT).as_posix() for name in seen}
        silent = {name for name in needed - declared if Path(name).name == "__init__.py"}  # at most a docstring
        assert needed - silent <= declared, stage.name


def test_modules_imported_by_name_are_those_that_the_table_knows():
    dynamic = re.compile(r"import_module|__import__|exec\(|runpy|spec_from_file")
    found = {path.relative_to(ROOT).as_posix() for path in TREES if dynamic.search(path.read_text(encoding="utf-8"))}
    assert found == {name for name in BY_NAME if (ROOT / name).exists()}


def test_dvc_knows_all_code_that_named_models_bring(monkeypatch: pytest.MonkeyPatch):
    """dvc.yaml can name the file of a model; what that imports stands there for all models."""
    monkeypatch.chdir(ROOT)
    config = load_config("demo")
    for stage, key in config.nodes():
        own = set(graph.node(config, stage, key).code)
        named = {
            name
            for name in own
            if re.fullmatch(r"redenoise/\w+/(denoisers|filters|recognizers|degradations)/\w+\.py", name)
        }
        spec = next(found for found in STAGES if found.name == stage)
        fixed = set(dvc.code_of(spec))
        data = {name for name in own if name.startswith("workflow/")}
        assert own - fixed - named - data == set(), (stage, key)


def test_imports_go_down():
    for path in TREES:
        name = name_of(path).split(".")
        for other in (found.split(".") for found in imports(path)):
            if name[0] == "stages":
                assert other[0] == "redenoise" or other[1:2] == name[1:2] or not other[1:], path
                assert other[:2] != ["redenoise", "commands"], path
            elif name[1:2] != ["commands"] and len(name) > 1:
                assert other[0] == "redenoise" and other[1] in LAYERS, path
                if name[1] in LAYERS and "__main__" not in name:
                    assert LAYERS.index(other[1]) <= LAYERS.index(name[1]), (path, other)


def test_no_imports_go_in_a_circle():
    """Those inside functions count too."""
    tops = {name_of(path): imports(path) for path in TREES}
    TopologicalSorter(tops).prepare()


def test_a_comment_counts_and_a_docstring_of_a_package_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(code, "ROOT", tmp_path)
    for name, text in {
        "__init__": '"""Words."""\n',
        "a": "def f():\n    from stages.b import x\n",
        "b": "x = 1\n",
    }.items():
        (tmp_path / "stages").mkdir(exist_ok=True)
        (tmp_path / f"stages/{name}.py").write_text(text)
    code.determining.cache_clear(), code.imported.cache_clear()
    try:
        assert code.determining(("stages/a.py",)) == ("stages/a.py", "stages/b.py")
    finally:
        code.determining.cache_clear(), code.imported.cache_clear()


@pytest.mark.parametrize("folder", ["denoisers", "recognizers"])
def test_options_are_those_that_building_takes(folder: str):
    from importlib import import_module
    from inspect import signature

    from torch.nn import Module

    for name in options.names(folder):
        module = import_module(f"redenoise.models.{folder}.{name}")
        classes = [found for found in vars(module).values() if isinstance(found, type) and issubclass(found, Module)]
        assert options.of(folder, name) in {tuple(signature(found).parameters) for found in classes}, name


def test_files_and_functions_stay_short():
    # The measured images are keyed by a hash of this file, so it stays as it is.
    frozen = {("redenoise/models/denoisers/multiscale.py", "__init__")}
    for path, tree in TREES.items():
        name = path.relative_to(ROOT).as_posix()
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, name
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (name, node.name) not in frozen:
                lines = node.end_lineno - node.lineno + 1
                assert lines <= 40, f"{name}: {node.name} has {lines} lines"
