"""What the project is made of is locked by hash, and can be audited."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKED = sorted(path.name for path in ROOT.glob("requirements*.txt"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(task: str) -> str:
    found = re.search(rf"^{re.escape(task)}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_locked_files_are_these() -> None:
    names = {"requirements.txt", "requirements-audit.txt", "requirements-build.txt", "requirements-dev.txt"}
    assert set(LOCKED) == names


@pytest.mark.parametrize("name", LOCKED)
@pytest.mark.promise(
    fault="A package index hands out another file than the one that was locked",
    promise="It is not installed: every requirement has a version and a hash, and pip is told to insist on them.",
    seen="pip: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
)
def test_every_requirement_has_a_version_and_a_hash_and_names_no_index(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    wanted = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert wanted
    assert [line for line in wanted if "==" not in line or not re.search(r"--hash=sha256:[0-9a-f]{64}", line)] == []
    assert "://" not in "".join(wanted)


@pytest.mark.parametrize("task", ["$(INSTALLED)", "audit"])
def test_what_a_task_installs_is_locked_or_the_package_itself(task: str) -> None:
    installs = [line for line in recipe(task).splitlines() if "pip install" in line]
    assert installs
    for line in installs:
        assert re.search(r"--require-hashes -r requirements(-\w+)?\.txt|--no-build-isolation --no-deps -e \.", line)


def test_the_audit_is_no_part_of_the_tests() -> None:
    assert "audit" not in re.findall(r"^test:.*", MAKEFILE, re.MULTILINE)[0]
    assert "audit" not in recipe("test") + (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("pip_audit", "code", "last"),
    [
        ("exit 0", 0, "audit: no known vulnerability in what is locked"),
        ('echo "ERROR: no route" >&2; exit 1', 2, "could not be asked, so nothing is known of any requirement"),
        ('echo found > "$out"; exit 1', 2, "FAILED: there are known vulnerabilities, listed above"),
        ('[ "$strict" = 1 ] && exit 1; exit 0', 2, "could not be asked, so nothing is known of any requirement"),
    ],
    ids=["nothing known", "no network", "something known", "a feed that knows none of the packages"],
)
@pytest.mark.promise(
    fault="The feed of advisories cannot be reached when the dependencies are audited",
    promise="The audit fails; it never takes silence for safety.",
    seen="audit of requirements-dev.txt FAILED: the feed of advisories could not be asked; exit 2 of make",
)
def test_an_audit_that_cannot_ask_fails_as_one_that_finds_something_does(
    tmp_path: Path, pip_audit: str, code: int, last: str
) -> None:
    programs = tmp_path / "audit" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "installed").touch()
    arguments = (
        'for each; do [ "$each" = --strict ] && strict=1; [ "$before" = --output ] && out=$each; before=$each; done'
    )
    for name, text in (("python", "exit 0"), ("pip-audit", f"{arguments}\n{pip_audit}")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    ended = subprocess.run(
        ["make", "--no-print-directory", "audit", f"VENV={tmp_path}", "PYTHON=true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if not line.startswith("make")]
    assert last in lines[-1]
