"""What is written in figures: names in any alphabet."""

import contextlib
import warnings
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from mnist_cnn.console import shortened

# Fonts of usual systems that have what matplotlib's own lacks (Chinese, Japanese, Korean, Devanagari, Thai, ...); they
# are looked into first.
SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Yu Gothic"),
    *("Malgun Gothic", "Apple SD Gothic Neo", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Nirmala UI", "Noto Sans"),
)
USUAL_WEIGHTS = (400, "normal", "regular", "book")
NO_LETTERS = ("last resort", "lastresort", "emoji")  # boxes for every character; pictures that matplotlib cannot draw


class AnyScriptFigure(Figure):
    """A figure whose texts may be in any script: names of classes are people's own."""

    def draw(self, renderer: Any) -> None:
        """Give each text the fonts that it needs beside its own, and draw the figure."""
        for text in self.findobj(Text):
            assert isinstance(text, Text)
            families = text.get_fontfamily()
            if missing := [name for name in _further_fonts(text.get_text()) if name not in families]:
                text.set_fontfamily([*families, *missing])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # as bold ones may be
            super().draw(renderer)


def literal(text: str, most: int | None = None) -> str:
    """A text in which matplotlib sees no formula, and of which some installed font has all characters.

    Characters that none has are spelled out, as in `\\u732b`, by which classes can be told apart; empty boxes are all
    the same.

    Args:
        text: The text.
        most: Columns that it may take; None for any number.
    """
    if not text.isascii() or not text.isprintable():
        text = "".join(c if c == "\n" or (c.isprintable() and _font_of(c) is not None) else _escape(c) for c in text)
    return (text if most is None else shortened(text, most)).replace("$", r"\$")


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _further_fonts(text: str) -> list[str]:
    """Families beside matplotlib's own that have characters of a text, each once."""
    if text.isascii():
        return []
    return list(dict.fromkeys(name for name in map(_font_of, text) if name))


@lru_cache(maxsize=100_000)
def _font_of(character: str) -> str | None:
    """The family of a font that has a character: "" for matplotlib's own, None if there is none."""
    if character.isascii() or _has(findfont(FontProperties()), character):
        return ""
    return next((family for family, path in _installed() if _has(path, character)), None)


@cache
def _installed() -> Sequence[tuple[str, str]]:
    """Family and file of the installed upright fonts: those of `SCRIPTS` first, and those of usual weight."""
    usable = [font for font in fontManager.ttflist if not any(word in font.name.lower() for word in NO_LETTERS)]
    places = {name: place for place, name in enumerate(SCRIPTS)}
    usable.sort(key=lambda font: (places.get(font.name, len(places)), font.weight not in USUAL_WEIGHTS))
    return [(font.name, font.fname) for font in usable if font.style == "normal"]


def _has(path: str, character: str) -> bool:
    with contextlib.suppress(OSError, RuntimeError):  # files that are gone or cannot be read
        return get_font(path).get_char_index(ord(character)) != 0
    return False
