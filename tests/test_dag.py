"""The two engines hold the same DAG: every node's command, inputs and outputs, at every scale.

Only Snakemake cuts nodes into shards, at a scale with `shard_minutes`: DVC runs one node after another and needs none,
so what it runs are the same nodes without these jobs and their markers.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from redenoise.commands import record
from redenoise.dag.config import SECTIONS, load_config
from redenoise.dag.provenance import SOURCES, source_files
from redenoise.support.errors import UserError
from tests.conftest import ROOT

pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines' DAGs are not compared")
dvc_repo = pytest.importorskip("dvc.repo", reason="DVC is not installed: the engines' DAGs are not compared")

# The modules of the stages that are not the main one of a package of their own name.
MODULES = {
    "leakage": "stages.leakage.node",
    "released": "stages.released.node",
    "architecture": "stages.architecture.node",
    "filter": "stages.filter.node",
    "task": "stages.task.node",
    "recognize_filtered": "stages.recognize_filtered.node",
}
Node = tuple[frozenset[str], frozenset[str]]  # inputs, outputs


@pytest.fixture(scope="module", params=["demo", "bench", "modern", "paper"])
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A scale and a copy of the project in which params.yaml names it."""
    target = tmp_path_factory.mktemp(request.param)
    for name in ("stages", "workflow", "published", "weights", ".dvc"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in ("benchmark", "spread"):  # without the first, nothing is cut
        shutil.copytree(ROOT / "reports" / name, target / "reports" / name)
    for name in ("Snakefile", "dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, target)
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    params = target / "params.yaml"
    params.write_text(re.sub(r"^scale: \w+", f"scale: {request.param}", params.read_text(), flags=re.MULTILINE))
    return request.param, target


@pytest.fixture(scope="module")
def snakemake_nodes(checkout: tuple[str, Path]) -> dict[str, Node]:
    """Command to inputs and outputs, read from a forced dry run."""
    scale, folder = checkout
    command = [sys.executable, "-m", "snakemake", "-n", "-F", "--printshellcmds", "--config", f"scale={scale}"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = {}
    for block in re.split(r"\n(?=(?:local)?rule )", run.stdout + run.stderr):
        shell = re.search(r"(?:^|\n)(?:Shell command: )?(python -m stages\S* [^\n]*?) > \S+ 2>&1", block)
        if shell and "--shard" not in shell[1]:
            found[shell[1]] = tuple(
                frozenset(path for path in listed if not path.startswith(f"build/{scale}/shards/"))
                for name in ("input", "output")
                for listed in [re.search(rf"^\s+{name}: (.*)$", block, re.MULTILINE)[1].split(", ")]
            )
    return found


@pytest.fixture(scope="module")
def dvc_stages(checkout: tuple[str, Path]) -> list:
    return list(dvc_repo.Repo(checkout[1]).index.stages)


def relative(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder.resolve()).as_posix()


def test_commands_inputs_and_outputs_are_the_same(checkout, snakemake_nodes, dvc_stages):
    _, folder = checkout
    sources = {name for folders in SOURCES.values() for name in folders} | {"weights", "reports/spread"}
    found = {}
    for stage in dvc_stages:
        deps = {relative(dep.fs_path, folder) for dep in stage.deps if dep.hash_name != "params" and dep.fs_path}
        deps = {dep for dep in deps if not re.match(r"params.yaml|workflow/scales/", dep)}
        folders = {dep for dep in deps & sources if (folder / dep).is_dir()}
        expanded = {
            file.relative_to(folder).as_posix()
            for dep in folders
            for file in (folder / dep).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts and file != folder / "weights/README.md"
        }
        outputs = {relative(out.fs_path, folder) for out in stage.outs}
        found[stage.cmd] = (frozenset(deps - folders | expanded), frozenset(outputs))
    assert set(found) == set(snakemake_nodes)
    for command, node in found.items():
        assert node == snakemake_nodes[command], command


def test_only_the_scale_paper_has_shards(checkout):
    scale, folder = checkout
    command = [sys.executable, "-m", "snakemake", "-n", "-F", "--quiet", "all", "--config", f"scale={scale}"]
    shown = subprocess.run([*command, "--rulegraph"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert ("_shard" in shown) == (scale == "paper")


def test_every_node_is_one_that_record_checks(checkout, snakemake_nodes):
    config = load_config(checkout[0])
    names = {stage: module.removeprefix("stages.") for stage, module in MODULES.items()}
    expected = {
        f"python -m stages.{names.get(stage, stage)} --scale {checkout[0]}" + (f" --only {key}" if key else "")
        for stage, key in [*config.nodes(), ("report", None)]
    }
    assert set(snakemake_nodes) == expected


@pytest.mark.parametrize("scale", ["demo", "bench", "modern", "short", "paper"])
def test_dvc_names_everything_that_the_report_reads(project: Path, scale: str):
    shutil.copy(ROOT / "dvc.yaml", project)
    assert record.undeclared(load_config(scale)) == []


def test_record_names_the_lines_that_dvc_lacks_after_a_new_denoiser(project: Path):
    params = Path("params.yaml")
    entry = "\nbaselines:\n  kodak-new: {dataset: kodak, filter: bm3d, method: New}\n"
    params.write_text(params.read_text().replace("\nbaselines:\n", entry))
    text = (ROOT / "dvc.yaml").read_text()
    Path("dvc.yaml").write_text(text.replace("      - build/${scale}/results/kodak-dncnn.csv\n", ""))
    lacking = ("results/kodak-dncnn.csv", "results/kodak-new.csv", "provenance/filter-kodak-new.json")
    with pytest.raises(UserError) as caught:
        record.record()
    listed = ", ".join(f"build/${{scale}}/{name}" for name in lacking)
    assert f"dvc.yaml: not recorded: the deps of the stage report lack {listed}; add these lines" == str(caught.value)


@pytest.mark.parametrize("text", ["", "stages: {report: {cmd: x}}", "stages: {report: {deps: }}"])
def test_record_refuses_a_file_of_dvc_without_the_report(project: Path, text: str):
    Path("dvc.yaml").write_text(text)
    with pytest.raises(UserError, match="dvc.yaml: no deps of the stage report"):
        record.record()


def test_dvc_tracks_the_parameters_that_the_node_depends_on(checkout, dvc_stages):
    """`node_params` is what Snakemake compares and provenance records."""
    config = load_config(checkout[0])
    for stage in dvc_stages:
        name, _, key = stage.name.partition("@")
        tracked = {
            f"{'scale.' if 'scales' in dep.fs_path else ''}{param}" for dep in params_of(stage) for param in dep.params
        }
        needed = set()
        for param in config.node_params(name, key or None):
            entry = config.entry(name, key) if key else {}
            section = SECTIONS.get(name)
            needed.add(
                {"entry": f"{section}.{key}", "download": f"downloads.{entry.get('dataset', key)}"}.get(param, param)
            )
        assert tracked == needed, stage.name


def params_of(stage) -> list:
    return [dep for dep in stage.deps if hasattr(dep, "params")]


def test_sources_cover_what_each_stage_imports():
    """A source file that no rule lists could change a result without a rerun."""
    for stage in SOURCES:
        module = MODULES.get(stage, f"stages.{stage}.__main__")
        files = "m.__file__ for m in list(sys.modules.values()) if m.__name__.startswith('stages.')"
        code = f"import sys, {module}; print(*({files}))"
        run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        imported = {Path(name).relative_to(ROOT).as_posix() for name in run.stdout.split()}
        assert imported <= set(source_files(stage)), stage


def test_lint_reports_nothing_but_the_explained_exception():
    """docs/architecture.md says why no rule has a conda environment of its own."""
    command = [sys.executable, "-m", "snakemake", "--lint"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    findings = set(re.findall(r"^ +\* (.*)$", run.stdout + run.stderr, re.MULTILINE))
    assert findings == {"Specify a conda environment or container for each rule.:"}
