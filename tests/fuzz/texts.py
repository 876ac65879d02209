"""Texts of every shape, and secrets that are found again wherever they were written."""

# ruff: noqa: E501 - lists of many values read best as words on a line
from urllib.parse import quote

from hypothesis import strategies as st

MARK = "Zq7xKv9w"  # in every secret, and in nothing else
_SPECIAL = "@:/?#[]!$&'()*+,;= %\\\"`~^<>{}|\t\xfc\u20ac\U0001f511"

# Half of a surrogate pair stands for a byte that is not UTF-8, as in `os.environ`.
_LETTERS = st.characters(exclude_categories=()) | st.sampled_from(
    "\udc80\udcff\x00\n\r\t\x1b\x7f\u2028\ufeff@:/?#&=%$(){}\"'\\"
)
ANY_TEXT = (
    st.text(_LETTERS, max_size=40)
    | st.sampled_from(["x" * 100_000, "$(NAME)", "$(name)", "%", "%%", "{}", "null", "\udcff" * 8, "../../etc/passwd", "0", "-1", "\x1b[2J"])
)  # fmt: skip


def maybe(chance: int) -> st.SearchStrategy[bool]:
    """True once in `chance` times."""
    return st.integers(1, chance).map(lambda number: number == 1)


@st.composite
def secrets(draw: st.DrawFn) -> str:
    """A password that holds the mark, with any other characters around it."""
    if draw(st.booleans()):
        return MARK
    around = st.text(st.sampled_from(_SPECIAL + "aB1"), max_size=6)
    return f"{draw(around)}{MARK}{draw(around)}"


def tells(text: str) -> bool:
    """Whether a text gives the secret away, in capitals or not."""
    return MARK.lower() in text.lower() or quote(MARK).lower() in text.lower()
