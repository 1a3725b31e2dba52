"""Two hundred wrong configurations: each is refused in one line that names the file, and the key or the line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from tests import mutations
from tests.mutations import PARAMS, ROOT, SCALE, Mutation, originals, written

DRAWN = 200
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
SEED = "seed: 0 "
# What a file is as a whole, and what the one line must hold: (bytes, pattern).
WHOLE = [
    (b"", "'the file' is empty"),
    (b"# nothing but a comment\n", "'the file' is empty"),
    (b"- scale\n- seed\n", "'the file': .* is not of type 'object'"),
    (b"just words\n", "'the file': 'just words' is not of type 'object'"),
    (b"42\n", "'the file': 42 is not of type 'object'"),
    (b"{}\n", "key '[a-z_]+' is missing; add it"),
    (b"scale: demo\nseed: \xff\xfe\n", "line 2: not UTF-8"),
    ("scale: demo\n".encode("utf-16"), "line 1: not UTF-8"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not UTF-8"),
    (b"scale: demo\nseed: \x00\n", "line 2: character '.x00' is not text"),
    (b"scale: demo\n\tseed: 0\n", "line 2, column 1: .*expected valid YAML"),
    (b"scale: [demo\n", "line 2, column 1: .*expected valid YAML"),
    (b"scale: 'demo\n", "line 2, column 1: .*expected valid YAML"),
    (b"scale: demo\n---\nscale: demo\n", "line 2, column 1: expected a single document"),
    (b"scale: *nowhere\n", "line 1, column 8: .*undefined alias"),
    (b"scale: !!python/object/apply:os.system [true]\n", "line 1, column 8: .*put it in quotes, or take it out"),
    (b"scale: !mine demo\n", "line 1, column 8: demo is a !mine to YAML"),
    (b"scale: !!int demo\n", "line 1, column 8: demo is not a plain decimal number"),
    (b"scale: !!float demo\n", "expected valid YAML"),
    (b"scale: !!binary ZGVtbw==\n", "line 1, column 8: .* is a binary to YAML"),
    (b"? [a, b]\n: 1\n", "line 1, column 3: key of several parts is not text"),
    (b"? {a: b}\n: 1\n", "line 1, column 3: key of several parts is not text"),
    (b"<<: {scale: demo}\n", "line 1, column 1: key '<<' would merge"),
    (b"on: demo\n", "line 1, column 1: key on is not text to YAML; put it in quotes"),
    (b"1: demo\n", "line 1, column 1: key 1 is not text"),
    (b"~: demo\n", "line 1, column 1: key ~ is not text"),
    (b"2020-01-01: demo\n", "line 1, column 1: 2020-01-01 is a timestamp"),
    (b".nan: demo\n", "line 1, column 1: .nan is not a finite number"),
    (b"scale: " + b"[" * 5000 + b"\n", "nested more than 40 levels deep"),
    (b"scale: " + b"{a: " * 5000 + b"\n", "nested more than 40 levels deep"),
    (b"- " * 5000 + b"\n", "nested more than 40 levels deep"),
    (LAUGHS.encode(), "line 7, column [0-9]+: aliases make it more than 2000000 values"),
    (CHAIN.encode(), "line [0-9]+, column [0-9]+: aliases make it more than .* 40 levels"),
    (b"scale: &a [*a]\n", "line 1, column 12: alias 'a' stands inside what it names"),
    (b"#" * 17_000_000, "larger than 16 MB"),
]
# (what stands in params.yaml, what takes its place, pattern of the line)
IN_PLACE = [
    (SEED, "seed: 0\nseed: 1 ", "line 6, column 1: key 'seed' given twice"),
    ("    sigmas: [15, 25, 50]\n", "    sigmas: [15]\n    sigmas: [25]\n", "line [0-9]+, column 5: key 'sigmas' given"),
    ("  dncnn_s:\n", "  dncnn_b:\n", "line [0-9]+, column 3: key 'dncnn_b' given twice"),
    (SEED, "seed: 010 ", "line 5, column 7: 010 is not a plain decimal number"),
    (SEED, "seed: 1:30 ", "line 5, column 7: 1:30 is a number in parts of sixty"),
    (SEED, f"seed: {'9' * 5000} ", "line 5, column 7: 9+… is not a plain decimal number"),
    (SEED, "seed: yes ", "'seed': True is not of type 'integer'"),
    (SEED, "seed: 2020-01-01 ", "line 5, column 7: 2020-01-01 is a timestamp to YAML"),
    ("learning_rate: 1.0e-1", "learning_rate: 1e-1", "'schedules.zhang2017.learning_rate': '1e-1' is not of type"),
    ("learning_rate: 1.0e-1", "learning_rate: 1.0e+400", "1.0e.400 is not a finite number"),
    ("learning_rate: 1.0e-1", "learning_rate: 1:30.5", "1:30.5 is a number in parts of sixty"),
    ("scale: demo", "scale: ../scales/demo", "scale '../scales/demo' is not known; allowed: "),
    ("scale: demo", "scale: no", "'scale': False is not of type 'string'"),
    ("data: train400", "data: dncnn_weights", "'families.dncnn_s.data' is 'dncnn_weights', which is no .*kind images"),
    ("weights: dncnn_weights", "weights: kodak", "'families.dncnn_s.weights' is 'kodak', .*of kind weights"),
    ("name: dncnn,", "name: weight,", "'families.dncnn_s.network.name' is 'weight', which is no module"),
    (
        "name: vgg,",
        "name: dncnn,",
        "'tasks.classification.network.name' is 'dncnn', which is no module of redenoise/models/recognizers",
    ),
    ("{init: xavier, ", "{name: ffdnet, init: xavier, ", "unknown key 'schedules.liu2020.network.name'"),
    ("start: no_weights.txt", "start: tasks/segmentation", "'tasks.classification.start' goes in a circle"),
    (
        "start: tasks/classification",
        "start: tasks/segmentation",
        "'tasks.segmentation.start' is 'segmentation', .*no entry",
    ),
    ("start: no_weights.txt", "start: ../no_weights.txt", "'tasks.classification.start': .*does not match"),
    ("crop: 224", "crop: 320", "'tasks.classification.crop' is 320, more than `resize`, 256"),
    ("source: voc, split: val", "source: imagenet, split: val", "'labelled.voc_val.task' is 'segmentation', "),
    ("source: voc, split: val", "source: voc, split: train", "'labelled.voc_val.split' is 'train', which is no entry"),
    (
        "data: imagenet_val, denoiser: weights/cdncnn_b",
        "data: voc_val, denoiser: weights/cdncnn_b",
        "a set for segment",
    ),
    ("denoiser: weights/cdncnn_b", "denoiser: weights/dncnn_b", "'dncnn_b', which is no family for colour images"),
    (
        "denoiser: weights/cdncnn_b",
        "denoiser: weights/../x",
        "'recognitions.classification-dncnn.denoiser': .*does not",
    ),
    (
        "denoiser: cascades/classify_2018",
        "denoiser: cascades/classify_mse",
        "is 15, which is no level of cascades.class",
    ),
    ("initial: proposed_tasks", "initial: proposed", "'cascades.classify_2018.sigmas' is 15, .*no level of families.p"),
    ("initial: proposed_tasks", "initial: dncnn_s", "'cascades.classify_2018.initial' is 'dncnn_s', .*colour images"),
    (
        "method: FFDNet}",
        "method: DnCNN}",
        "'evaluations.kodak-ffdnet.method' is 'DnCNN', as that of evaluations.kodak-d",
    ),
    ("method: BM3D}", "method: DnCNN-S}", "'filters.set12-bm3d.method' is 'DnCNN-S', as that of evaluations.set12-d"),
    ("method: FFDNet}", "method: ' FFDNet'}", "'evaluations.kodak-ffdnet.method': ' FFDNet' does not match"),
    (
        "  kodak: {sigmas: [25, 35, 50]}",
        "  kodak: {sigmas: [15]}",
        "which is no level of noisy.kodak",
    ),
    ("variants: {depth: [3,", "variants: {dept: [3,", "unknown key 'families.convnet.variants.dept'; .*did you mean"),
    ("variants: {depth: [3,", "variants: {depth: [three,", "'families.convnet.variants.depth.0': 'three' is not of ty"),
    ("family: xdncnn,", "family: xnet,", "'evaluations.bsd68-xdncnn' tests xnet, which has networks of different"),
    ("sigma_range: [0, 55]", "sigma_range: [55, 0]", "'families.dncnn_b.sigma_range' is .*lower level first"),
    ("sigma_range: [0, 55]", "sigma_range: [0, 25, 55]", "'families.dncnn_b.sigma_range': "),
    ("{sigma15: sigma15,", "{sigma15: ../../secret,", "'families.dncnn_s.published.sigma15': '../../secret' does not"),
    (
        "  dncnn: {depth: 5",
        "  dncn: {depth: 5",
        "'miniatures.dncn' is .*no module.*did you mean 'dncnn'",
    ),
    ("  dncnn: {depth: 5", "  dncnn: {dept: 5", "unknown key 'miniatures.dncnn.dept'; .*did you mean 'depth'"),
    ("  dncnn: {depth: 5", "  dncnn: {name: vgg, depth: 5", "unknown key 'miniatures.dncnn.name'"),
    ("blocks: [2, 2, 2]", "blocks: [2, 0, 2]", "'miniatures.vgg.blocks.1': 0 is less than the minimum of 1"),
]
# In the scale: the same.
IN_SCALE = [
    ("schedule: modern", "schedule: moderm", "'training.schedule' is 'moderm', .*did you mean 'modern'"),
    ('budget: "8 minutes on 2 CPU cores; no network"', "budget: ' '", "'budget': ' ' does not match"),
    ("variants: {depth:", "variants: {dept:", "'training.variants' is 'dept'"),
    ("leaves_out: [srcnn,", "leaves_out: [srcn,", "'training.leaves_out' is 'srcn'.*did you mean 'srcnn'"),
    ("threads: 1 ", "threads: 1\nthreads: 2 ", "line [0-9]+, column 1: key 'threads' given twice"),
    ("{test: 3, train: 16, size: 64}", "{test: 4, train: 16, size: 1_0:0}", "1_0:0 is a number in parts of sixty"),
]


@pytest.fixture
def refused(project: Path):
    """Checks that a file is refused; returns the line."""

    def check(file: str, content: str | bytes) -> str:
        Path(file).write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError) as caught:
            load_config()
        line = str(caught.value)
        assert line.startswith(f"{file}: ")
        assert line.isprintable()  # so it is one line
        assert len(line) < 800
        return line

    return check


def test_the_unchanged_files_are_accepted(project: Path):
    for name, value in originals().items():
        Path(name).write_text(written(value, changed=next(iter(value))))
    assert load_config().params["families"] == originals()[PARAMS]["families"]


def test_every_kind_of_mistake_is_among_those_drawn():
    chosen = mutations.drawn(DRAWN)
    assert len({(str(mutation), repr(mutation.value)) for mutation in chosen}) == len(chosen) == DRAWN
    assert {mutation.kind for mutation in chosen} == {mutation.kind for mutation in mutations.all_mutations()}
    assert {mutation.file for mutation in chosen} == {PARAMS, SCALE}


@pytest.mark.parametrize("mutation", mutations.drawn(DRAWN), ids=str)
def test_drawn_mistake_is_named(refused, mutation: Mutation):
    text = mutation.text()
    line = refused(mutation.file, text)
    if found := re.match(r"\S+: line (\d+), column \d+: \S+ is not a finite number", line):
        assert re.search(r"[.](nan|inf)", text.splitlines()[int(found[1]) - 1])
    else:
        assert any(name in line for name in mutation.names()), line


@pytest.mark.parametrize("file", [PARAMS, SCALE])
def test_what_is_no_configuration_at_all_is_named(refused, file: str):
    for content, pattern in WHOLE:
        line = refused(file, content)
        assert re.search(pattern, line), line


@pytest.mark.parametrize(("file", "changes"), [(PARAMS, IN_PLACE), (SCALE, IN_SCALE)])
def test_hand_written_mistake_is_named(refused, file: str, changes: list):
    original = Path(file).read_text()
    for right, wrong, pattern in changes:
        assert right in original
        line = refused(file, original.replace(right, wrong, 1))
        assert re.search(pattern, line), line


@pytest.mark.parametrize("file", [PARAMS, SCALE])
def test_something_else_in_place_of_the_file_is_named(project: Path, file: str):
    path = Path(file)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=rf"^{re.escape(file)}: not a file"):
        load_config()
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(UserError, match="not found|not known"):
        load_config()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match=rf"^{re.escape(file)}: not a file"):
        load_config()


def test_aliases_that_stay_small_are_accepted(project: Path):
    text = Path(PARAMS).read_text()
    text = text.replace("noisy:\n  kodak: {sigmas: [25, 35, 50]}", "noisy:\n  kodak: {sigmas: &levels [25, 35, 50]}")
    Path(PARAMS).write_text(text.replace("cbsd68: {sigmas: [25, 35, 50]}", "cbsd68: {sigmas: *levels}"))
    assert load_config().params["noisy"]["cbsd68"] == {"sigmas": [25, 35, 50]}


COMMANDS = [
    ("stages.download", PARAMS, b"", "'the file' is empty"),
    ("stages.synthesize", PARAMS, LAUGHS.encode(), "aliases make it more than"),
    ("stages.leakage", PARAMS, b"scale: \xff\n", "line 1: not UTF-8"),
    ("redenoise plan", PARAMS, b"on: 1\n", "key on is not text"),
    ("stages.released", SCALE, b"[]\n", "'the file': .. is not of type 'object'"),
    ("stages.report", SCALE, b"threads: .nan\n", "line 1, column 10: .nan is not a finite number"),
]


@pytest.mark.parametrize(("command", "file", "content", "expected"), COMMANDS)
def test_command_ends_with_one_line(project: Path, command: str, file: str, content: bytes, expected: str):
    Path(file).write_bytes(content)
    lines = ended([sys.executable, "-m", *command.split()])
    assert len(lines) == 1
    assert re.match(rf"error: {re.escape(file)}: .*{expected}", lines[0])


def test_snakemake_ends_with_one_line(project: Path):
    Path(PARAMS).write_text("seed: [0\n")
    snakemake = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")]
    lines = [line for line in ended(snakemake) if not line.startswith("Using workflow specific profile")]
    assert len(lines) == 1
    assert re.match(r"error: params.yaml: line 2, column 1: .*expected valid YAML", lines[0])


def ended(command: list[str]) -> list[str]:
    """Lines on stderr of a command that fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    return result.stderr.splitlines()
