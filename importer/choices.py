"""The words that options may take.

In a module of their own, because the command line's help names them all and is to be there at once, while the
modules that act on them import polars, DuckDB and the client library.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Compression", "IfExists", "LocalTimePolicy", "Method", "MethodChoice", "Precision"]

IfExists = Literal["auto", "replace", "append", "fail"]
"""What to do about a bucket that exists."""

LocalTimePolicy = Literal["reject", "earliest", "latest"]
"""Which instant a local time is that occurs twice or never."""

Precision = Literal["s", "ms", "us", "ns"]
"""Of timestamps."""

Method = Literal["write", "bulk"]
"""By line protocol, or by storage files that are built here."""

MethodChoice = Literal["write", "bulk", "auto"]
"""``auto`` is ``bulk`` where that can be."""

Compression = Literal["auto", "gzip", "none"]
"""Of the write calls."""
