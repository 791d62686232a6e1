"""Acknowledgements that are not true: only the verification can find them."""

from __future__ import annotations

import pytest

from importer import VerificationError
from tests.fault_proxy import Fault
from tests.loading import BIRDS_FLAGS, Command, birds_csv

from .conftest import Proxied, at_writes

FORGED = Fault(204)


@pytest.mark.promise(
    fault="forged 204: the server never had the write",
    promise="The verification misses the values, even if one acknowledgement out of many was forged: they are written "
    "once more, and if that is lost, too, the load fails and the bucket is as it was.",
    seen="`error: the server does not hold what was sent (…): birds.lat from … to …: 0 values stored, …`; exit 1.",
)
@pytest.mark.promise(fault="verification fails")
@pytest.mark.usefixtures("proxied_environment")
def test_a_forged_acknowledgement_fails_the_load(proxied: Proxied, command: Command) -> None:
    load = ("load", proxied.csv(birds_csv(100)), "--bucket", proxied.bucket, *BIRDS_FLAGS)
    assert command(*load).code == 0
    before = proxied.state_now()
    proxied.proxy.rule = at_writes(range(1, 1_000), FORGED)
    ended = command(*load)
    assert ended.code == 1
    assert "error: the server does not hold what was sent" in ended.err
    assert "0 values stored" in ended.err
    assert proxied.state_now() == before
    assert proxied.buckets == {""}


@pytest.mark.promise(fault="forged 204: the server never had the write")
@pytest.mark.parametrize("number", [1, 7, 12])
def test_what_one_forged_acknowledgement_out_of_many_lost_is_written_once_more(proxied: Proxied, number: int) -> None:
    source = proxied.csv(birds_csv(2_000))
    proxied.load(source, block_bytes=4_096)
    digest = proxied.digest()
    proxied.proxy.writes.clear()
    proxied.proxy.rule = at_writes(range(number, number + 1), FORGED)
    report = proxied.load(source, block_bytes=4_096)
    assert len(proxied.proxy.writes) >= 12
    assert any("written once more" in warning for warning in report.warnings)
    assert (report.status, proxied.digest()) == ("verified", digest)


@pytest.mark.promise(fault="forged 204: the server never had the write")
def test_forged_acknowledgements_of_what_is_written_once_more_fail_the_load(proxied: Proxied) -> None:
    proxied.load(proxied.csv(birds_csv(10)))
    before = proxied.state_now()
    proxied.proxy.writes.clear()
    proxied.proxy.rule = at_writes(range(12, 1_000), FORGED)
    with pytest.raises(VerificationError, match="the server does not hold what was sent"):
        proxied.load(proxied.csv(birds_csv(2_000), "new.csv"), block_bytes=4_096)
    assert proxied.state_now() == before


def test_forged_acknowledgements_of_an_appending_load_fail_it_too(proxied: Proxied) -> None:
    proxied.load(proxied.csv(birds_csv(10)))
    proxied.proxy.rule = at_writes(range(3, 1_000), FORGED)
    with pytest.raises(VerificationError):
        proxied.load(proxied.csv(birds_csv(2_000), "more.csv"), if_exists="append", block_bytes=4_096)


def test_a_forged_acknowledgement_of_the_merged_duplicates_is_harmless_or_found(proxied: Proxied) -> None:
    # The field that only the merged point would bring together is stored by the blocks themselves.
    text = birds_csv(300) + "\n".join(birds_csv(300).splitlines()[1:]).replace(".", ".9") + "\n"
    source = proxied.csv(text)
    report = proxied.load(source, block_bytes=4_096, workers=1)
    digest, writes = proxied.digest(), len(proxied.proxy.writes)
    assert report.duplicate_kinds == {"identical": 0, "merged": 0, "overwritten": 300}
    proxied.proxy.rule = at_writes(range(writes, writes + 1), FORGED)
    proxied.load(source, block_bytes=4_096, workers=1)
    assert proxied.digest() == digest
