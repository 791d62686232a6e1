"""What the summary shows of foreign text."""

from __future__ import annotations

import io

from rich.console import Console

from importer.cli.summary import show_rows


def test_no_value_can_give_orders_to_the_terminal() -> None:
    out = io.StringIO()
    show_rows([{"name": "\x1b[31mred\x1b]0;owned\x07", "[bold]": "\x9b2J"}], Console(file=out, width=100))
    text = out.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(text)
    assert "�[31mred�]0;owned�" in text
    assert "[bold]" in text
