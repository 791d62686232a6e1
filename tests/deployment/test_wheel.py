"""What is installed elsewhere holds all that the package reads at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_every_file_of_the_package_that_is_no_module(tmp_path: Path) -> None:
    # A copy: what is left of earlier builds beside the package could hide what is missing.
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "importer", tree / "importer", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tree)
    wheels = tmp_path / "wheels"
    offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", wheels, tree],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "importer").rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name and ".egg-info" not in name}
    assert {f"importer/service/{name}" for name in ("page/index.html", "page/main.js", "docs/docs.js")} <= wanted
    assert wanted - held == set()
