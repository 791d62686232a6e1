"""Forms with a file, parted while they come in: what is a file goes on at once, the rest is small.

Goes in: a request. Comes out: its parts, each with its bytes as they come; nothing is kept of them here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from importer.service.problems import ProblemError

__all__ = ["Part", "parts_of"]

MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a part of a form.

    Attributes:
        name: of the form's field.
        filename: None where it is no file.
        data: some of its bytes.
        is_last: no more of this part follow.
    """

    name: str
    filename: str | None
    data: bytes
    is_last: bool


class _Parser:
    """Gathers what the parser tells, until it is fetched."""

    def __init__(self, boundary: bytes) -> None:
        self.found: list[Part] = []
        self.is_complete = False
        self._name, self._filename = "", None
        self._header, self._value = b"", b""
        self._parts = 0
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_data,
                "on_part_end": self._on_end,
                "on_end": self._on_complete,
            },
        )

    _filename: str | None

    def _begin(self) -> None:
        self._name, self._filename = "", None
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ProblemError(400, f"the form has more than {MOST_PARTS} parts")

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode(errors="replace")
            if b"filename" in options:
                self._filename = options[b"filename"].decode(errors="replace")
        self._header, self._value = b"", b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.found.append(Part(self._name, self._filename, bytes(data[start:end]), is_last=False))

    def _on_end(self) -> None:
        self.found.append(Part(self._name, self._filename, b"", is_last=True))

    def _on_complete(self) -> None:
        self.is_complete = True


async def parts_of(request: Request) -> AsyncIterator[Part]:
    """The parts of a form, a piece at a time.

    Raises:
        ProblemError: it is not one, or breaks off.
        ClientDisconnect: its sender has gone.
    """
    _, options = parse_options_header(request.headers.get("content-type"))
    if not options.get(b"boundary"):
        raise ProblemError(400, "the form names no boundary")
    try:
        parsing = _Parser(options[b"boundary"])
        async for data in request.stream():
            parsing.parser.write(data)
            found, parsing.found = parsing.found, []
            for part in found:
                yield part
    except FormParserError as error:
        raise ProblemError(400, f"the form cannot be read: {error}") from None
    if not parsing.is_complete:
        raise ProblemError(400, "the form breaks off before its end")
