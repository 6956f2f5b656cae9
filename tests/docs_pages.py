"""The pages of the documentation, and the blocks of code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    info: str
    text: str
    output: str | None  # the block of language "text" right behind it

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(DOCS)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    for index, match in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        is_output = following and following[1] == "text" and not text[match.end() : following.start()].strip()
        yield Block(
            page,
            text.count("\n", 0, match.start()) + 1,
            match[1],
            match[2].strip(),
            match[3],
            following[3] if following and is_output else None,
        )
