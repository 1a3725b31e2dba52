"""Commits are those of this checkout's own repository, or none with git's reason."""

import os
import subprocess
from pathlib import Path

import pytest

from redenoise.commands.diff import command, sides
from redenoise.dag import provenance
from redenoise.support import git
from redenoise.support.errors import Unreadable, UserError, run_cli

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "protocol.file.allow=always")
PAGE = "reports/demo/overview.md"


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path, text: str = "first") -> str:
    """A repository with one commit, whose id is returned."""
    (folder / PAGE).parent.mkdir(parents=True)
    (folder / PAGE).write_text(text)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", text)):
        run(folder, *arguments)
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def commit_of(monkeypatch: pytest.MonkeyPatch):
    """What is recorded of a folder's commit."""

    def found(root: Path) -> dict:
        monkeypatch.setattr(provenance, "ROOT", root)
        return provenance.commit.__wrapped__()

    return found


@pytest.mark.parametrize("variable", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"])
def test_variables_of_a_hook_elsewhere_change_nothing(tmp_path, monkeypatch, commit_of, variable):
    own, other = tmp_path / "own", tmp_path / "other"
    expected, _ = repository(own), repository(other, "second")
    inside = {"GIT_DIR": ".git", "GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index"}.get(variable, ".git/objects")
    monkeypatch.setenv(variable, str(other / inside))
    assert commit_of(own) == {"commit": expected, "uncommitted_changes": False}


def test_what_an_outer_repository_says_is_not_taken(tmp_path, commit_of, capsys):
    repository(tmp_path)
    unpacked = tmp_path / "vendor/project"
    unpacked.mkdir(parents=True)
    found = commit_of(unpacked)
    assert (found["commit"], found["uncommitted_changes"]) == (None, None)
    assert str(tmp_path) in found["no_commit"] and "no repository of its own" in found["no_commit"]
    assert capsys.readouterr().err == f"warning: no commit is recorded: {found['no_commit']}\n"


def test_a_worktree_is_a_root_of_its_own(tmp_path, commit_of):
    expected = repository(tmp_path / "own")
    run(tmp_path / "own", "worktree", "add", "-q", "--detach", "../beside")
    assert commit_of(tmp_path / "beside")["commit"] == expected


def test_changes_count_but_for_reports(tmp_path, commit_of):
    repository(tmp_path)
    (tmp_path / "code.py").write_text("1")
    run(tmp_path, "add", "code.py")
    assert commit_of(tmp_path)["uncommitted_changes"] is True
    run(tmp_path, "commit", "-qm", "code")
    (tmp_path / PAGE).write_text("other")
    assert commit_of(tmp_path)["uncommitted_changes"] is False


def test_git_says_why_it_does_not_trust_a_checkout_of_another_user(tmp_path, monkeypatch, commit_of):
    repository(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # what git's own tests use
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    assert "safe.directory" in commit_of(tmp_path)["no_commit"]
    with pytest.raises(UserError, match="safe.directory"):
        monkeypatch.chdir(tmp_path)
        sides.reader("HEAD")


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_without_git_there_is_a_reason(tmp_path, monkeypatch, commit_of, path):
    monkeypatch.setenv("PATH", path)
    assert commit_of(tmp_path)["no_commit"].startswith("git: ")


@pytest.fixture
def partial_clone(tmp_path, monkeypatch) -> Path:
    """The current folder: a clone without the contents of its older commit, whose remote has gone."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    repository(origin)
    (origin / PAGE).write_text("second")
    run(origin, "commit", "-qam", "second")
    run(origin, "config", "uploadpack.allowfilter", "true")
    run(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{origin}", str(clone))
    os.rename(origin, tmp_path / "gone")
    monkeypatch.chdir(clone)
    return clone


def test_what_cannot_be_read_is_not_what_is_not_there(partial_clone):
    assert sides.reader("HEAD")(PAGE) == "second"
    read = sides.reader("HEAD~1")
    assert read("reports/demo/other.md") is None
    with pytest.raises(git.GitError):
        read(PAGE)


@pytest.mark.parametrize("options", [[], ["--fail-on-regression"]])
@pytest.mark.parametrize("base", ["HEAD~1", "no-such-revision", "empty", "page", "pipe"])
def test_a_comparison_without_a_side_has_an_exit_code_of_its_own(partial_clone, base, options, capsys):
    (partial_clone / "workflow/scales").mkdir(parents=True)
    (partial_clone / "workflow/scales/demo.yaml").touch()
    for name in ("empty", "page", "pipe"):
        (partial_clone / name / "reports/demo").mkdir(parents=True)
    (partial_clone / "page" / PAGE).write_bytes(b"\xff")
    os.mkfifo(partial_clone / "pipe" / PAGE)
    with pytest.raises(SystemExit) as ended:
        run_cli(lambda: command.main([base, "--scale", "demo", *options]))
    assert ended.value.code == Unreadable.code != 1
    said = capsys.readouterr()
    assert said.err.startswith("error: cannot compare: ") and said.err.count("\n") == 1
    assert said.out == ""
