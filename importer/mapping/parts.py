"""The parts of a mapping file: values, fields, the time, and how the text is read. Validated here."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from importer.choices import LocalTimePolicy
from importer.errors import MappingError
from importer.limits import EMPTY_TEXT
from importer.mapping.messages import explain
from importer.mapping.templates import joined, template_columns
from importer.mapping.time_formats import check_format, check_timezone
from importer.records import FieldType

__all__ = ["CsvOptions", "FieldSpec", "Strict", "TimeSpec", "ValueSpec"]

Scalar = bool | int | float | str


class Strict(BaseModel):
    """A part that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ValueSpec(Strict):
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


class TimeSpec(Strict):
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
            if template_columns(joined(self.columns)) != tuple(dict.fromkeys(self.columns)):
                raise ValueError("columns: a name that begins with a brace or holds an unpaired one cannot be joined")
        return self

    @property
    def source(self) -> ValueSpec:
        """Where the text comes from."""
        if self.column is not None:
            return ValueSpec(column=self.column)
        if self.columns is not None:
            return ValueSpec(template=joined(self.columns))
        return ValueSpec(template=self.template)


class CsvOptions(Strict):
    """How the text is to be read.

    Attributes:
        delimiter: between cells, one character.
        encoding: of the text.
        null: texts that mean an empty cell, in every column.
        decimal: the decimal mark of floats.
        header: lines to be put before each source's own, such as a header or annotations.
        skip_header: records that are left out at the beginning of each source.
        skip_rows: records that are left out behind the header, such as one of units.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    null: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    header: tuple[str, ...] = ()
    skip_header: int = Field(default=0, ge=0)
    skip_rows: int = Field(default=0, ge=0)

    @classmethod
    def from_dict(cls, raw: MappingOf[str, Any]) -> Self:
        """Validate options.

        Raises:
            MappingError: one of them is wrong.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise MappingError(explain(error, "CSV options", lambda _: list(cls.model_fields))) from error

    @field_validator("header")
    @classmethod
    def _single_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        if any("\n" in line or "\r" in line or not line.strip() for line in lines):
            raise ValueError("each is one line with something in it")
        return lines

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, text: str) -> str:
        named = {"tab": "\t", "\\t": "\t"}.get(text, text)
        if len(named) != 1 or not named.isascii() or named in '"\r\n':
            raise ValueError("one ASCII character is needed, such as ; or tab")
        return named


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
