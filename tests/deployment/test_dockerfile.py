import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.txt", "requirements-build.txt")


@dataclass
class Stage:
    name: str
    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]


def parse(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The arguments before the first stage, and the stages."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            image = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], image)
            stages.append(Stage(name, image))
        elif stages:
            stages[-1].steps.append((instruction, " ".join(rest.split())))
        else:
            assert instruction == "ARG"
            arguments.update([rest.split("=", 1)])
    return arguments, stages


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))[1]


def copied_from_the_context(stages: list[Stage]) -> list[str]:
    copies = [arguments for stage in stages for arguments in stage.arguments("COPY")]
    return [source for copy in copies if "--from=" not in copy for source in copy.split()[:-1]]


def test_image_is_built_in_one_stage_and_runs_in_another(stages: list[Stage]) -> None:
    assert [stage.name for stage in stages] == ["build", "runtime"]
    assert stages[-1].arguments("COPY") == ["--from=build /opt/importer /opt/importer"]


def test_base_image_is_slim_pinned_and_the_same_in_both_stages(stages: list[Stage]) -> None:
    (image,) = {stage.image for stage in stages}
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-\w+", image)
    assert found is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = tuple(map(int, project["requires-python"].removeprefix(">=").split(".")))
    assert (int(found[1]), int(found[2])) >= lowest


def test_process_is_not_root_and_has_a_fixed_number(stages: list[Stage]) -> None:
    (user,) = stages[-1].arguments("USER")
    number, group = user.split(":")
    assert int(number) >= 1000
    (creation,) = [step for step in stages[-1].arguments("RUN") if "useradd" in step]
    assert f"--uid {number}" in creation
    assert f"--gid {group}" in creation


def test_everything_that_is_installed_is_locked_by_hash(stages: list[Stage]) -> None:
    installs = [
        command for step in stages[0].arguments("RUN") for command in step.split("&&") if "pip install" in command
    ]
    requirements, package = installs
    assert "--require-hashes" in requirements
    assert re.findall(r"-r (\S+)", requirements) == list(REQUIREMENTS)
    assert "--no-deps" in package
    assert "--no-build-isolation" in package


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_has_a_version_and_a_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "-"))]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_every_copied_source_is_in_the_repository(stages: list[Stage]) -> None:
    assert [source for source in copied_from_the_context(stages) if not (ROOT / source).exists()] == []


def test_context_holds_what_is_copied_and_nothing_else(stages: list[Stage]) -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    admitted = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert admitted == {source.removeprefix("./") for source in copied_from_the_context(stages)}


def test_container_is_the_importer(stages: list[Stage]) -> None:
    (entry_point,) = stages[-1].arguments("ENTRYPOINT")
    assert json.loads(entry_point) == ["importer"]
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert "importer" in scripts


def test_what_it_writes_goes_to_the_volume(stages: list[Stage]) -> None:
    runtime = stages[-1]
    (volume,) = runtime.arguments("VOLUME")
    assert runtime.arguments("WORKDIR") == [volume]
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(runtime.arguments("ENV"))))
    assert environment["HOME"] == volume
    assert environment["TMPDIR"].startswith(f"{volume}/")
