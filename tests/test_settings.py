from __future__ import annotations

import logging
from pathlib import Path

import pytest

from importer.errors import ConfigurationError
from importer.settings import find_connection

OPTION = "http://option.localhost:1"
INFLUX = {"INFLUX_URL": "http://influx.localhost:2", "INFLUX_TOKEN": "t-influx", "INFLUX_ORG": "o-influx"}
CLIENT = {
    "INFLUXDB_V2_URL": "http://client.localhost:3",
    "INFLUXDB_V2_TOKEN": "t-client",
    "INFLUXDB_V2_ORG": "o-client",
}
PROFILES = """
[idle]
  url = "http://idle.localhost:5"
  token = "t-idle"
  org = "o-idle"

[work]
  url = "http://profile.localhost:5"
  token = "t-profile"
  org = "o-profile"
  active = true
"""

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("t-option\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "app.env"
    path.write_text('# the server\nINFLUX_URL=http://file.localhost:4\nINFLUX_TOKEN="t-file"\nINFLUX_ORG=o-file\n')
    path.chmod(0o600)
    return path


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "configs"
    path.write_text(PROFILES)
    return {"INFLUX_CONFIGS_PATH": str(path)}


def test_places_are_asked_in_order_and_each_gives_all_three(
    token_file: Path, env_file: Path, profiles: dict[str, str]
) -> None:
    found = [
        find_connection(
            url=OPTION, org="o-option", token_file=token_file, env_file=env_file, environment=INFLUX | CLIENT | profiles
        ),
        find_connection(env_file=env_file, environment=INFLUX | CLIENT | profiles),
        find_connection(env_file=env_file, environment=CLIENT | profiles),
        find_connection(env_file=env_file, environment=profiles),
        find_connection(environment=profiles),
    ]
    assert [(place.url, place.token, place.org) for place in found if place] == [
        (OPTION, "t-option", "o-option"),
        ("http://influx.localhost:2", "t-influx", "o-influx"),
        ("http://client.localhost:3", "t-client", "o-client"),
        ("http://file.localhost:4", "t-file", "o-file"),
        ("http://profile.localhost:5", "t-profile", "o-profile"),
    ]


def test_no_place_at_all_means_the_local_server() -> None:
    assert find_connection(environment={}) is None


def test_profiles_are_found_in_the_home_folder(no_settings: Path) -> None:
    (no_settings / ".influxdbv2").mkdir()
    (no_settings / ".influxdbv2" / "configs").write_text(PROFILES)
    found = find_connection(environment={})
    assert found is not None
    assert found.url == "http://profile.localhost:5"


def test_the_influx_commands_own_variable_names_the_address() -> None:
    found = find_connection(environment=INFLUX | {"INFLUX_URL": "", "INFLUX_HOST": "http://host.localhost:6/"})
    assert found is not None
    assert found.url == "http://host.localhost:6"


def test_an_address_on_the_command_line_takes_no_token_from_the_environment() -> None:
    with pytest.raises(
        ConfigurationError, match=r"the command line .* gives the server's url but not its token and org"
    ):
        find_connection(url=OPTION, environment=INFLUX)


def test_an_organisation_on_the_command_line_is_not_joined_with_another_address() -> None:
    with pytest.raises(ConfigurationError, match=r"gives the server's org but not its url and token"):
        find_connection(org="other", environment=INFLUX)


@pytest.mark.parametrize("missing", ["INFLUX_TOKEN", "INFLUX_ORG"])
def test_an_incomplete_place_is_named_and_not_filled_from_the_next(missing: str) -> None:
    environment = {name: value for name, value in INFLUX.items() if name != missing}
    lacking = missing.removeprefix("INFLUX_").lower()
    with pytest.raises(
        ConfigurationError, match=rf"the environment \(INFLUX_…\) .* but not its {lacking}; .*one and the same"
    ):
        find_connection(environment=environment | CLIENT)


def test_an_incomplete_env_file_and_profile_are_named(tmp_path: Path) -> None:
    file = tmp_path / "half.env"
    file.write_text("INFLUX_URL=http://file.localhost:4\nINFLUX_TOKEN=t\n")
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"the env file .*half\.env.* but not its org"):
        find_connection(env_file=file, environment={})
    configs = tmp_path / "configs"
    configs.write_text('[work]\nurl = "http://profile.localhost:5"\nactive = true\n')
    with pytest.raises(ConfigurationError, match=r"the influx profile 'work' .* but not its token and org"):
        find_connection(environment={"INFLUX_CONFIGS_PATH": str(configs)})


def test_a_token_without_an_address_is_said_to_be_unused(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("importer").propagate = True
    with caplog.at_level(logging.WARNING):
        found = find_connection(environment={"INFLUX_TOKEN": "t-secret"} | CLIENT)
    assert found is not None
    assert found.url == "http://client.localhost:3"
    assert "has a token or an organisation but no address" in caplog.text
    assert "t-secret" not in caplog.text


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_can_read_is_refused(token_file: Path, mode: int) -> None:
    token_file.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"others can read the token file .*chmod 600"):
        find_connection(url=OPTION, org="o", token_file=token_file)


@pytest.mark.parametrize("text", ["", "\n", "INFLUX_TOKEN=a b", "one\ntwo"])
def test_a_token_file_holds_the_token_and_nothing_else(token_file: Path, text: str) -> None:
    token_file.write_text(text)
    with pytest.raises(ConfigurationError, match="must hold the token and nothing else"):
        find_connection(url=OPTION, org="o", token_file=token_file)


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such env file: .*nosuch"):
        find_connection(env_file=tmp_path / "nosuch", environment={})
    with pytest.raises(ConfigurationError, match=r"cannot read the token file .*nosuch"):
        find_connection(url=OPTION, org="o", token_file=tmp_path / "nosuch")


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "binary.env"
    file.write_bytes(b"INFLUX_URL=\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"cannot read the env file .*binary\.env"):
        find_connection(env_file=file, environment={})


@pytest.mark.parametrize("url", ["localhost:8086", "ftp://localhost", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address such as http://localhost:8086"):
        find_connection(environment=INFLUX | {"INFLUX_URL": url})


def test_unreadable_profiles_are_warned_of_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("importer").propagate = True
    configs = tmp_path / "configs"
    configs.write_text("[work\n")
    with caplog.at_level(logging.WARNING):
        assert find_connection(environment={"INFLUX_CONFIGS_PATH": str(configs)}) is None
    assert "cannot be read" in caplog.text


def test_a_connection_does_not_show_its_token() -> None:
    found = find_connection(environment=INFLUX)
    assert "t-influx" not in repr(found)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
@pytest.mark.promise(
    fault="The env file or token file that holds the token can be read by others",
    promise="It is refused, before any server is asked.",
    seen="error: others can read the env file 'app.env', which holds a token: chmod 600 it first; exit 2",
)
def test_an_env_file_with_a_token_that_others_can_read_is_refused(env_file: Path, mode: int) -> None:
    env_file.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"others can read the env file .* holds a token: chmod 600") as error:
        find_connection(env_file=env_file, environment={})
    assert "t-file" not in str(error.value)


def test_an_env_file_without_a_token_may_be_read_by_others(env_file: Path) -> None:
    env_file.write_text("INFLUX_URL=http://file.localhost:4\n")
    env_file.chmod(0o644)
    found = find_connection(env_file=env_file, environment=INFLUX)
    assert found is not None
    assert found.url == "http://influx.localhost:2"


def test_profiles_with_a_token_that_others_can_read_are_warned_of_and_used(
    profiles: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("importer").propagate = True
    path = Path(profiles["INFLUX_CONFIGS_PATH"])
    for mode, warned in ((0o644, True), (0o600, False)):
        caplog.clear()
        path.chmod(mode)
        with caplog.at_level(logging.WARNING):
            found = find_connection(environment=profiles)
        assert found is not None
        assert found.token == "t-profile"
        assert ("others can read" in caplog.text) == warned
        assert "t-profile" not in caplog.text


@pytest.mark.parametrize("host", ["influx.example", "192.168.0.4", "[2001:db8::1]", "127.0.0.1.example", "localhost.x"])
@pytest.mark.promise(
    fault="The server is another machine and its address is plain http",
    promise="The token is not sent, unless --allow-http says so.",
    seen="error: http://influx.example:8086 is not https ... use https://, or say --allow-http; exit 2",
)
def test_no_token_is_meant_for_another_machine_over_plain_http_unless_that_is_allowed(host: str) -> None:
    elsewhere = INFLUX | {"INFLUX_URL": f"http://{host}:8086"}
    with pytest.raises(ConfigurationError, match=r"is not https.*--allow-http") as error:
        find_connection(environment=elsewhere)
    assert "t-influx" not in str(error.value)
    for allowed in (
        find_connection(environment=elsewhere, allow_http=True),
        find_connection(environment=elsewhere | {"IMPORTER_ALLOW_HTTP": "true"}),
        find_connection(environment=elsewhere | {"INFLUX_URL": f"https://{host}"}),
    ):
        assert allowed is not None
        assert allowed.token == "t-influx"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST.", "a.localhost"])
def test_plain_http_to_this_machine_is_nothing_to_ask_about(host: str) -> None:
    assert find_connection(environment=INFLUX | {"INFLUX_URL": f"http://{host}:8086"}) is not None


def test_whether_plain_http_is_allowed_is_said_in_words_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match="IMPORTER_ALLOW_HTTP is neither true nor false: 'maybe'"):
        find_connection(environment=INFLUX | {"IMPORTER_ALLOW_HTTP": "maybe"})
    with pytest.raises(ConfigurationError, match="is not https"):
        find_connection(environment=INFLUX | {"INFLUX_URL": "http://x:1", "IMPORTER_ALLOW_HTTP": "false"})


def test_a_certificate_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    with pytest.raises(ConfigurationError, match=r"cannot use the certificate file .*empty\.pem.*no certificate"):
        find_connection(environment=INFLUX, ca_file=empty)
    with pytest.raises(ConfigurationError, match=r"cannot use the certificate file .*nosuch.*No such file"):
        find_connection(environment=INFLUX, ca_file=tmp_path / "nosuch")
