from __future__ import annotations

import pytest

from importer.errors import ConfigurationError
from importer.server.connection import Connection


@pytest.mark.parametrize("token", ["two words", "secret\n", "sécret", "secret\0"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigurationError, match="token") as error:
        Connection("http://localhost:8086", token, "o")
    assert "ecret" not in str(error.value)


def test_a_password_in_the_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError, match="no user and password") as error:
        Connection("http://me:hidden@localhost:8086", "t", "o")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["localhost:8086", "ftp://localhost", "http://", "http://[", "http://a b", "http://a:port"]
)
def test_an_address_without_scheme_or_host_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        Connection(url, "t", "o")


def test_the_token_is_no_part_of_what_is_printed_of_a_connection() -> None:
    assert "hidden" not in repr(Connection("http://localhost:8086", "hidden", "o"))
