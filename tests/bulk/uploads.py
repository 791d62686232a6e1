"""Shards on their way to the server, seen by the fault proxy, and what may become of them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import urllib3

from tests.fault_proxy import Fault, Request
from tests.faults.conftest import Proxied

__all__ = ["DAMAGES", "SHARDS", "Damage", "Uploads", "pass_on_damaged"]

SHARDS = "/api/v2/restore/shards/"
Damage = Literal["lost", "cut", "cut within the files", "no archive", "other bytes", "one bit", "nothing"]
DAMAGES: tuple[Damage, ...] = ("lost", "cut", "cut within the files", "other bytes", "one bit")
"""Of which the server says nothing."""


def damaged(body: bytes, damage: Damage) -> bytes:
    if damage == "cut":
        return body[: len(body) // 2]
    if damage == "cut within the files":  # the archive is whole, the file in it is not
        return body[: 512 + len(body) // 4] + bytes(len(body) - 512 - len(body) // 4)
    if damage == "one bit":  # of a value, most probably
        middle = len(body) // 2
        return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    if damage == "no archive":
        return b"<html>" * 1_000
    if damage == "other bytes":
        return body[:512] + bytes(byte ^ 0xA5 for byte in body[512:])
    return b""


class Uploads:
    """The rule of a proxy that counts the uploads of shards, and meddles with some of them.

    Args:
        proxied: the load.
        meddle: gets the number of the upload, from 1, and the request.

    Attributes:
        sent: the shards that were sent, in their order.
    """

    def __init__(self, proxied: Proxied, meddle: Callable[[int, Request], Fault | None] = lambda _n, _r: None) -> None:
        self.sent: list[str] = []
        self._meddle = meddle
        proxied.proxy.rule = self

    def __call__(self, request: Request) -> Fault | None:
        shard = request.path.removeprefix(SHARDS)
        if shard in {request.path, "0"}:
            return None
        self.sent.append(shard)
        return self._meddle(len(self.sent), request)


def pass_on_damaged(proxied: Proxied, request: Request, damage: Damage) -> Fault:
    """Let the server have a damaged body, or none; say that all is well unless it says something else."""
    if damage != "lost":
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type", "Content-Encoding")}
        body = damaged(request.body, damage)
        answer = urllib3.request(
            "POST", proxied.influxd.connection.url + request.path, body=body, headers=headers, retries=False
        )
        if answer.status >= 300:
            return Fault(answer.status, body=answer.data)
    return Fault(200)
