import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from importer.service.settings import SHORTEST_TOKEN

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text(encoding="utf-8"))
VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


def interpolated(text: str, environment: dict[str, str]) -> dict[str, Any]:
    """The file as compose reads it; only the form that the file uses is known, anything else is an error."""
    left = VARIABLE.sub("", text)
    assert "$" not in left
    return yaml.safe_load(VARIABLE.sub(lambda found: environment.get(found["name"]) or found["default"], text))


def example_variables() -> dict[str, str]:
    lines = (ROOT / "env" / "env.app.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def compose() -> dict[str, Any]:
    return interpolated(TEXT, {})


@pytest.fixture
def importer_service(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]["importer"]


@pytest.fixture
def influxdb_service(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]["influxdb"]


def test_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(compose)] == []


def test_validation_finds_a_misspelt_key(compose: dict[str, Any]) -> None:
    compose["services"]["importer"]["depend_on"] = compose["services"]["importer"].pop("depends_on")
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(compose)


def test_importer_waits_for_a_healthy_influxdb(
    importer_service: dict[str, Any], influxdb_service: dict[str, Any]
) -> None:
    assert importer_service["depends_on"]["influxdb"] == {"condition": "service_healthy"}
    assert influxdb_service["healthcheck"]["test"][:3] == ["CMD", "influx", "ping"]


def test_grafana_waits_for_a_healthy_influxdb(compose: dict[str, Any]) -> None:
    assert compose["services"]["grafana"]["depends_on"]["influxdb"] == {"condition": "service_healthy"}


def test_importer_ends_after_the_load(importer_service: dict[str, Any]) -> None:
    assert importer_service["restart"] == "no"
    assert importer_service["command"][0] == "load"


def test_importer_loads_files_that_are_mounted(importer_service: dict[str, Any]) -> None:
    source, target, mode = importer_service["volumes"][0].split(":")
    assert mode == "ro"
    command = importer_service["command"]
    inputs = [word for word in command if word.startswith(f"{target}/")]
    assert len(inputs) == 2
    assert [word for word in inputs if not (ROOT / source / Path(word).name).is_file()] == []


@pytest.mark.parametrize("name", ["importer", "service"])
def test_importer_knows_every_option_that_it_is_given(compose: dict[str, Any], name: str) -> None:
    command = compose["services"][name]["command"]
    shown = subprocess.run(
        [sys.executable, "-c", "from importer.cli import main; main()", command[0], "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    ).stdout
    known = set(re.findall(r"--[a-z-]+", shown))
    assert {word for word in command if word.startswith("--")} <= known


def test_the_service_is_beside_a_healthy_influxdb_and_a_redis_that_keeps_nothing(compose: dict[str, Any]) -> None:
    service, redis = compose["services"]["service"], compose["services"]["redis"]
    assert {name: each["condition"] for name, each in service["depends_on"].items()} == {
        "influxdb": "service_healthy",
        "redis": "service_healthy",
    }
    assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    assert "volumes" not in redis
    assert redis["command"][1:3] == ["--save", ""]


def test_the_service_binds_its_container_with_a_token_that_is_long_enough(compose: dict[str, Any]) -> None:
    service = compose["services"]["service"]
    command, token = service["command"], service["environment"]["IMPORTER_SERVICE_TOKEN"]
    assert command[command.index("--host") + 1] == "0.0.0.0"  # noqa: S104 - of the container
    assert len(token) >= SHORTEST_TOKEN
    assert token != service["environment"]["INFLUX_TOKEN"]
    assert service["ports"] == [f"127.0.0.1:8000:{command[command.index('--port') + 1]}"]


def test_the_service_writes_to_its_volume_only_and_reads_the_sample(compose: dict[str, Any]) -> None:
    service = compose["services"]["service"]
    command = service["command"]
    assert service["read_only"] is True
    assert command[command.index("--state-dir") + 1].startswith("/var/lib/importer/")
    assert "service-state:/var/lib/importer" in service["volumes"]
    assert f"./sample_data:{command[command.index('--allow-folder') + 1]}:ro" in service["volumes"]


def test_importer_writes_to_its_volume_only(importer_service: dict[str, Any]) -> None:
    assert importer_service["read_only"] is True
    assert "importer-state:/var/lib/importer" in importer_service["volumes"]
    command = importer_service["command"]
    for option in ("--report", "--state-dir"):
        assert command[command.index(option) + 1].startswith("/var/lib/importer/")


@pytest.mark.parametrize("name", ["importer", "service", "redis", "grafana"])
def test_service_has_no_privileges(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("user", "") not in {"root", "0", "0:0"}


def test_influxdb_sets_itself_up(influxdb_service: dict[str, Any]) -> None:
    environment = influxdb_service["environment"]
    assert environment["DOCKER_INFLUXDB_INIT_MODE"] == "setup"
    for part in ("USERNAME", "PASSWORD", "ORG", "BUCKET", "ADMIN_TOKEN"):
        assert environment[f"DOCKER_INFLUXDB_INIT_{part}"]
    assert len(environment["DOCKER_INFLUXDB_INIT_PASSWORD"]) >= 8


def test_bucket_of_the_set_up_is_not_the_importers(
    importer_service: dict[str, Any], influxdb_service: dict[str, Any]
) -> None:
    command = importer_service["command"]
    bucket = command[command.index("--bucket") + 1]
    assert influxdb_service["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"] != bucket


@pytest.mark.parametrize("environment", [{}, {"INFLUX_TOKEN": "another", "INFLUX_ORG": "elsewhere"}])
def test_all_services_agree_on_token_and_organisation(environment: dict[str, str]) -> None:
    services = interpolated(TEXT, environment)["services"]
    server = services["influxdb"]["environment"]
    expected = (server["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"], server["DOCKER_INFLUXDB_INIT_ORG"])
    for name in ("importer", "service", "grafana"):
        client = services[name]["environment"]
        assert (client["INFLUX_TOKEN"], client["INFLUX_ORG"]) == expected


def test_importers_address_does_not_come_from_the_persons_shell() -> None:
    services = interpolated(TEXT, {"INFLUX_URL": "http://production:8086"})["services"]
    assert services["importer"]["environment"]["INFLUX_URL"] == "http://influxdb:8086"


def test_ports_are_bound_to_the_loopback_address(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_images_are_pinned_to_a_release(compose: dict[str, Any]) -> None:
    pulled = [service["image"] for service in compose["services"].values() if "build" not in service]
    assert [image for image in pulled if not re.search(r":\d+\.\d+\.\d+(-\w+)?$", image)] == []


def test_influxdb_is_the_version_that_the_tests_talk_to(influxdb_service: dict[str, Any]) -> None:
    requirements = (ROOT / "importer" / "server" / "influxd_build" / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"github\.com/influxdata/influxdb/v2 v(\S+)", requirements)
    assert found is not None
    assert influxdb_service["image"] == f"influxdb:{found[1]}-alpine"


def test_every_volume_is_declared_or_in_the_repository(compose: dict[str, Any]) -> None:
    sources = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", ())]
    missing = [
        source
        for source in sources
        if not (ROOT / source).exists() and (source.startswith(".") or source not in compose["volumes"])
    ]
    assert missing == []


def test_example_environment_has_the_defaults_of_the_composition() -> None:
    example = example_variables()
    defaults = {found["name"]: found["default"] for found in VARIABLE.finditer(TEXT)}
    assert {name: example.get(name) for name in defaults} == defaults
    assert set(example) - set(defaults) == {"INFLUX_URL"}


def test_real_environment_file_is_ignored_by_git() -> None:
    assert "env/env.app" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
