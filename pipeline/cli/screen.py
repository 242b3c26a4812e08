"""What is shown on a terminal: texts from outside must not command it.

Control characters (an escape sequence may rename the window, move the cursor or hide lines) and those that turn the
direction of writing are shown as they are written in Python; all else is shown as it is.
"""

from __future__ import annotations

import re
from typing import Any

import rich.console
from rich.text import Text

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text with what a terminal may take as a command written out."""
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Console(rich.console.Console):
    """Rich's, for texts of anybody's."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(harmless(text), **options)
