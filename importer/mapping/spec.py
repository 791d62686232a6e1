"""The mapping file: which column becomes what. Validated here, compiled in the neighbouring modules.

Goes in: a TOML file, a dictionary or the command line's options. Comes out: a :class:`Mapping`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from importer.errors import MappingError
from importer.limits import EMPTY_TEXT, RESERVED_KEYS, key_trouble, measurement_trouble
from importer.mapping.time_formats import check_format, check_timezone
from importer.records import FieldType

__all__ = [
    "CsvOptions",
    "FieldSpec",
    "LocalTimePolicy",
    "Mapping",
    "TimeSpec",
    "ValueSpec",
    "template_columns",
]

LocalTimePolicy = Literal["reject", "earliest", "latest"]

Scalar = bool | int | float | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ValueSpec(_Strict):
    """Where a value comes from: a column, a template over columns, or a constant.

    Attributes:
        column: a column's name.
        template: such as ``{city}-{station}``; empty as soon as one of its cells is empty.
        value: the same for every row.
    """

    column: str | None = None
    template: str | None = None
    value: Scalar | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(part is not None for part in (self.column, self.template, self.value)) != 1:
            raise ValueError("give exactly one of: column, template, value")
        if self.template is not None and not template_columns(self.template):
            raise ValueError("a template names at least one column in braces; for a fixed text use value")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        if self.column is not None:
            return (self.column,)
        return template_columns(self.template) if self.template is not None else ()


class FieldSpec(ValueSpec):
    """A field.

    Attributes:
        type: fixed before the first write; None: by the first value (a number is a float).
        default: for an empty cell; without it an empty cell is no field.
        decimal: the decimal mark of a float.
        true: texts that are true, instead of the usual ones.
        false: texts that are false.
    """

    type: FieldType | None = None
    default: Scalar | None = None
    decimal: Literal[".", ","] | None = None
    true: tuple[str, ...] | None = None
    false: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _constants_fit(self) -> Self:
        if (self.true is None) != (self.false is None):
            raise ValueError("give both true and false, or neither")
        for key, constant in (("default", self.default), ("value", self.value)):
            if constant is None:
                continue
            if constant == "":
                raise ValueError(f"{key}: {EMPTY_TEXT}; leave it out")
            if self.type is None and key == "default":
                raise ValueError("a default needs a type")
            kind = self.known_type
            if kind is not None and not _fits(constant, kind):
                raise ValueError(f"{key} {constant!r} is not of type {kind}")
        return self

    @model_validator(mode="after")
    def _truth_is_decided(self) -> Self:
        if self.true is None or self.false is None:
            return self
        true, false = ({text.strip().lower() for text in texts} for texts in (self.true, self.false))
        if not true or not false:
            raise ValueError("true and false name at least one text each")
        if true & false:
            raise ValueError(f"{min(true & false)!r} is both true and false")
        if self.type != "boolean":
            raise ValueError('true and false go with type = "boolean"')
        return self

    @property
    def known_type(self) -> FieldType | None:
        """The type, where the mapping alone decides it."""
        if self.type is not None or self.value is None:
            return self.type
        if isinstance(self.value, bool):
            return "boolean"
        if isinstance(self.value, int):
            return "integer"
        return "float" if isinstance(self.value, float) else "string"


class TimeSpec(_Strict):
    """The timestamp.

    Attributes:
        column: holds it.
        columns: hold its parts, joined by a space.
        template: joins them in another way.
        format: chrono's directives, ``rfc3339``, or ``unix_s``, ``unix_ms``, ``unix_us``, ``unix_ns``.
        timezone: IANA name, for a format without an offset.
        ambiguous: what to do with a local time that occurs twice.
        nonexistent: what to do with a local time that is skipped; as ``ambiguous`` unless given.
    """

    column: str | None = None
    columns: tuple[str, ...] | None = None
    template: str | None = None
    format: str = "rfc3339"
    timezone: str = "UTC"
    ambiguous: LocalTimePolicy = "reject"
    nonexistent: LocalTimePolicy | None = None

    @field_validator("format")
    @classmethod
    def _usable_format(cls, text: str) -> str:
        return check_format(text)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        return check_timezone(name)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(part is not None for part in (self.column, self.columns, self.template)) != 1:
            raise ValueError("give exactly one of: column, columns, template")
        if self.columns is not None:
            if not self.columns:
                raise ValueError("columns is empty")
            if template_columns(_joined(self.columns)) != tuple(dict.fromkeys(self.columns)):
                raise ValueError("columns: a name that begins with a brace or holds an unpaired one cannot be joined")
        return self

    @property
    def source(self) -> ValueSpec:
        """Where the text comes from."""
        if self.column is not None:
            return ValueSpec(column=self.column)
        if self.columns is not None:
            return ValueSpec(template=_joined(self.columns))
        return ValueSpec(template=self.template)


class CsvOptions(_Strict):
    """How the text is to be read.

    Attributes:
        delimiter: between cells, one character.
        encoding: of the text.
        null: texts that mean an empty cell, in every column.
        decimal: the decimal mark of floats.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    null: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."

    @classmethod
    def from_dict(cls, raw: MappingOf[str, Any]) -> Self:
        """Validate options.

        Raises:
            MappingError: one of them is wrong.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise MappingError(_explain(error, "CSV options")) from error

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, text: str) -> str:
        named = {"tab": "\t", "\\t": "\t"}.get(text, text)
        if len(named) != 1 or not named.isascii() or named in '"\r\n':
            raise ValueError("one ASCII character is needed, such as ; or tab")
        return named


def _measurement(raw: Any) -> Any:
    return {"value": raw} if isinstance(raw, str) else raw


class Mapping(_Strict):
    """Which column becomes the measurement, the time, which tags, which fields.

    Attributes:
        measurement: a constant, or from columns.
        time: the timestamp.
        tags: by key.
        fields: by key; at least one.
        filter: an SQL condition over the columns, as text; rows that do not meet it are skipped.
        csv: how the text is to be read.
    """

    measurement: Annotated[ValueSpec, BeforeValidator(_measurement)]
    time: TimeSpec
    tags: dict[str, ValueSpec] = Field(default_factory=dict)
    fields: dict[str, FieldSpec] = Field(min_length=1)
    filter: str | None = None
    csv: CsvOptions = CsvOptions()

    @model_validator(mode="after")
    def _usable_keys(self) -> Self:
        for key in self.tags:
            _check_key("tag", key)
        for key in self.fields:
            _check_key("field", key)
        if self.measurement.value is not None:
            _check_measurement(str(self.measurement.value))
        both = sorted(set(self.tags) & set(self.fields))
        if both:
            raise ValueError(f"{both[0]!r} is both a tag and a field: rename one of them")
        return self

    @classmethod
    def from_dict(cls, raw: MappingOf[str, Any], *, origin: str = "mapping") -> Self:
        """Validate a dictionary of the mapping file's shape.

        Args:
            raw: as parsed from TOML.
            origin: named in messages.

        Raises:
            MappingError: naming each key that is wrong, and what it may be.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise MappingError(_explain(error, origin)) from error

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a mapping file.

        Raises:
            MappingError: it is missing, not TOML, or breaks a rule.
        """
        try:
            raw = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise MappingError(f"no such mapping file: {str(path)!r}") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise MappingError(f"cannot read the mapping file {str(path)!r}: {error}") from error
        return cls.from_dict(raw, origin=str(path))

    def reading(self, csv_options: MappingOf[str, Any]) -> Self:
        """The same mapping with other CSV options.

        Raises:
            MappingError: one of them is wrong.
        """
        merged = self.csv.model_dump(exclude_unset=True) | dict(csv_options)
        return self.model_copy(update={"csv": CsvOptions.from_dict(merged)})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it names, each once, in the order of the mapping; the filter's not included."""
        specs: list[ValueSpec] = [
            self.measurement,
            self.time.source,
            *self.tags.values(),
            *self.fields.values(),
        ]
        return tuple(dict.fromkeys(column for spec in specs for column in spec.columns))


def _joined(columns: Iterable[str]) -> str:
    return " ".join("{" + name + "}" for name in columns)


def template_columns(template: str) -> tuple[str, ...]:
    """The columns that a template names.

    Raises:
        ValueError: a brace is not closed, or a column is not named.
    """
    return tuple(dict.fromkeys(name for _, name in template_parts(template) if name is not None))


def template_parts(template: str) -> Iterator[tuple[str, str | None]]:
    """A template's literal texts, each with the column behind it (None after the last).

    A doubled brace is a brace of the text; braces in a column's name stand in pairs.

    Raises:
        ValueError: a brace is not closed, or a column is not named.
    """
    literal, position = "", 0
    while position < len(template):
        mark = template[position]
        if template.startswith(("{{", "}}"), position):
            literal, position = literal + mark, position + 2
        elif mark == "{":
            end = _closing_brace(template, position)
            if end == position + 1:
                raise ValueError(f"template {template!r}: a column's name stands in the braces")
            yield literal, template[position + 1 : end]
            literal, position = "", end + 1
        elif mark == "}":
            raise ValueError(f"template {template!r}: a brace is closed that was not opened; write }}}} for a brace")
        else:
            literal, position = literal + mark, position + 1
    if literal:
        yield literal, None


def _closing_brace(template: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(template)):
        depth += {"{": 1, "}": -1}.get(template[position], 0)
        if depth == 0:
            return position
    raise ValueError(f"template {template!r}: a brace is not closed; write {{{{ for a brace")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that a mistyped one may have meant."""
    by_folded = {item.casefold(): item for item in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    return [by_folded[item] for item in found]


def check_columns(wanted: Sequence[str], header: Sequence[str], source: str) -> None:
    """Refuse a header that lacks a column, or has it twice.

    Raises:
        MappingError: with the nearest names.
    """
    for name in wanted:
        if header.count(name) > 1:
            raise MappingError(f"{source!r} has {header.count(name)} columns named {name!r}: rename one in the header")
        if name not in header:
            delimiter = _delimiter_hint(header)
            near = [] if delimiter else nearest(name, header)
            meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
            raise MappingError(f"{source!r} has no column {name!r}{meant} It has: {_listed(header)}{delimiter}")


def _listed(header: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(header[:most])
    return shown if len(header) <= most else f"{shown}, … ({len(header)} in all)"


def _delimiter_hint(header: Sequence[str]) -> str:
    if len(header) == 1:
        for mark, name in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
            if mark in header[0]:
                return f" (that looks like one column per {name}: say --delimiter {name})"
    return ""


def _check_key(kind: Literal["tag", "field"], key: str) -> None:
    trouble = key_trouble(kind, key)
    if trouble is None:
        return
    if key in RESERVED_KEYS:
        trouble += f": choose another key, such as {key.strip('_') + '_value'!r}, with column = {key!r}"
    raise ValueError(f"{kind}s.{key}: {trouble}" if key else f"{kind}s: {trouble}")


def _check_measurement(name: str) -> None:
    trouble = measurement_trouble(name)
    if trouble is not None:
        raise ValueError(f"measurement: {trouble}")


def _fits(constant: Scalar, kind: FieldType) -> bool:
    if kind == "boolean":
        return isinstance(constant, bool)
    if kind == "string":
        return isinstance(constant, str)
    if isinstance(constant, bool | str):
        return False
    if kind == "float":
        return constant == constant and abs(constant) != float("inf")  # noqa: PLR0124 - NaN is the one that differs
    if not isinstance(constant, int):
        return False
    return 0 <= constant < 1 << 64 if kind == "unsigned" else -(1 << 63) <= constant < 1 << 63


_CONSTANTS = ("value", "default")
_REASONS = {
    "model_type": 'a table is needed, such as { column = "name" }',
    "tuple_type": 'a list is needed, such as ["NA"]',
    "too_short": 'at least one is needed, such as speed = { column = "speed", type = "float" }',
}


def _explain(error: ValidationError, origin: str) -> str:
    lines = []
    for item in error.errors():
        location = item["loc"]
        reason = _REASONS.get(item["type"], item["msg"].removeprefix("Value error, "))
        if len(location) > 1 and location[-2] in _CONSTANTS:
            location, reason = location[:-1], "a text, a number, true or false is needed"
        key = ".".join(str(part) for part in location)
        if item["type"] == "extra_forbidden":
            reason = "unknown key" + _known_keys(item["loc"])
        elif item["type"] == "missing":
            reason = "is missing"
        lines.append(f"{key}: {reason}" if key else reason)
    return f"{origin}: " + ("; ".join(dict.fromkeys(lines)))


def _known_keys(location: Sequence[int | str]) -> str:
    models: dict[str, type[BaseModel]] = {
        "time": TimeSpec,
        "tags": ValueSpec,
        "fields": FieldSpec,
        "csv": CsvOptions,
    }
    model = models.get(str(location[0]), Mapping) if len(location) > 1 else Mapping
    names = list(model.model_fields)
    close = nearest(str(location[-1]), names)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"
