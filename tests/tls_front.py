"""TLS in front of a real server, with certificates made for the test: good ones, and such as must not be accepted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it or another one vouches for.

    Attributes:
        authority: its certificate.
        folder: with ``NAME.pem``, key and certificate in one: ``good``, ``expired``, ``misnamed``, ``stranger``.
    """

    authority: Path
    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / f"{name}.pem"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made by the openssl command."""
    folder = tmp_path_factory.mktemp("certificates")
    _authority(folder, "authority")
    _authority(folder, "other")
    _signed(folder, "good", NAMES, by="authority")
    _signed(folder, "expired", NAMES, by="authority", days=-1)
    _signed(folder, "misnamed", "subjectAltName=DNS:influx.example", by="authority")
    _signed(folder, "stranger", NAMES, by="other")
    return Certificates(folder / "authority.crt", folder)


@contextmanager
def tls_front(target: str, certificate: Path) -> Iterator[str]:
    """An https address whose bytes go to a server's URL, decrypted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    goal = urlsplit(target)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):  # until it is closed
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=forward, args=(client,), daemon=True).start()

        def forward(client: socket.socket) -> None:
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(client, server_side=True) as one,
                socket.create_connection((goal.hostname, goal.port)) as other,
            ):
                threading.Thread(target=_copy, args=(other, one), daemon=True).start()
                _copy(one, other)

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, goal: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            goal.sendall(piece)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(goal, socket.SHUT_RDWR)


def _authority(folder: Path, name: str) -> None:
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"),
        *("-subj", f"/CN=test {name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )


def _signed(folder: Path, name: str, extension: str, *, by: str, days: int = 1) -> None:
    _openssl(
        folder,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-subj", f"/CN=test {name}"),
        *("-keyout", f"{name}.pem", "-out", f"{name}.csr"),
    )
    (folder / f"{name}.ext").write_text(extension)
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial"),
        *("-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
    )
    with (folder / f"{name}.pem").open("a") as both:
        both.write((folder / f"{name}.crt").read_text())


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
