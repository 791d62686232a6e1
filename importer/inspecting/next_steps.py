"""What to type next: the commands that go on from an inspection.

Goes in: an inspection, and what was said to get it. Comes out: :class:`NextStep` s. Each command can be typed, in the
same folder, as it is written.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from importer.errors import ConfigurationError
from importer.inspecting.inspection import Inspection
from importer.inspecting.naming import bucket_after, bucket_for
from importer.source.addresses import shown_address
from importer.source.bounds import Bounds
from importer.source.named import STDIN

__all__ = ["NextStep", "next_steps", "shell_line"]

_OPTIONS = {
    "tags": "--tag",
    "fields": "--field",
    "row_filter": "--filter",
    "download_timeout_seconds": "--download-timeout",
}
"""Those that are called otherwise than the arguments of the functions."""

_SAYS_ALL = ("measurement", "time", "fields")
"""Where options say all of this, a load infers nothing."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """A command.

    Attributes:
        purpose: what it is for.
        command: as it is typed.
    """

    purpose: str
    command: str


def next_steps(
    found: Inspection,
    sources: Sequence[str],
    *,
    hints: Mapping[str, Any],
    csv: Mapping[str, Any],
    bounds: Bounds,
    written: Path | None = None,
) -> list[NextStep]:
    """The commands that come next.

    Args:
        found: what was found.
        sources: as they were named.
        hints: arguments of :func:`~importer.inspecting.inspect.inspect` that were given, and so are needed again.
        csv: likewise.
        bounds: likewise.
        written: the mapping file, if one was.
    """
    usual = asdict(Bounds())
    enlarged = {name: value for name, value in asdict(bounds).items() if value != usual[name]}
    shown = [_named(source) for source in sources]
    secret = " (with the address as you gave it)" if list(map(shown_address, sources)) != list(sources) else ""

    def step(purpose: str, name: str, *words: str) -> NextStep:
        return NextStep(purpose + secret, shell_line(["importer", name, *shown, *words, *_words(enlarged)]))

    said = _words({**csv, **hints})
    if found.questions:
        answers = {question.option: question.choices[0].value for question in found.questions if question.choices}
        others = _words({name: value for name, value in {**csv, **hints}.items() if _option(name) not in answers})
        words = [word for answer in answers.items() for word in answer]
        return [step("to go on, answer", "inspect", *others, *words)] if answers else []
    allowed = _allowed_rejects(found)
    purpose = "to load it" if not allowed else "to load it without the rows that would be rejected"
    if written is not None:
        named = ["--mapping", str(written), "--bucket", bucket_for(sources, found.sources)]
        return [step(purpose, "load", *named, *allowed)]
    load = [*said, *_bucket(found, sources), *allowed]
    if found.is_annotated:
        encoding = found.dialect.encoding or "utf-8"
        if encoding != "utf-8" and "encoding" not in csv:
            load += ["--encoding", encoding]
        return [step(purpose, "load", *load)]
    write = [*said, "--write", _free_name("mapping", ".toml")]
    if all(name in hints for name in _SAYS_ALL):
        return [step("to load it, write the mapping first", "inspect", *write)]
    return [step(f"{purpose} like this", "load", *load), step("to change it first", "inspect", *write)]


def shell_line(words: Iterable[str]) -> str:
    """Words as a shell takes them, with nothing in it that a terminal obeys."""
    return " ".join(map(_quoted, words))


def _words(given: Mapping[str, Any]) -> list[str]:
    """Options as they stand in a command."""
    return [
        word
        for name, value in given.items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        for word in (_option(name), str(each))
    ]


def _option(name: str) -> str:
    return _OPTIONS.get(name, f"--{name.replace('_', '-')}")


def _bucket(found: Inspection, sources: Sequence[str]) -> list[str]:
    """None is named where the file lends its name."""
    try:
        bucket_after(sources)
    except ConfigurationError:
        return ["--bucket", bucket_for(sources, found.sources)]
    return []


def _allowed_rejects(found: Inspection) -> list[str]:
    """A load of rows that are not all good must be told so; of a sample nobody knows how many there are."""
    count = found.broken + found.rejects
    return ["--max-rejects", str(count)] if count and found.is_whole else []


def _named(source: str) -> str:
    shown = shown_address(source)
    return f"./{shown}" if shown.startswith("-") and shown != STDIN else shown


def _free_name(stem: str, suffix: str) -> str:
    name, number = stem + suffix, 1
    while Path(name).exists():
        number += 1
        name = f"{stem}-{number}{suffix}"
    return name


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(sign: str) -> str:
    code = ord(sign)
    if sign in "\\'":
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    if sign.isascii() or 0xD800 <= code < 0xE000:  # noqa: PLR2004 - surrogates: bytes of a file's name that are no text
        return f"\\x{code & 0xFF:02x}"
    return f"\\U{code:08x}"
