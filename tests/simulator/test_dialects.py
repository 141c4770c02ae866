"""Every dialect is short: what can be data stands in the JSON beside it."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

import mediatoolkit.simulator
from mediatoolkit.simulator.server import VENDORS

FOLDER = Path(mediatoolkit.simulator.__file__).parent
LONGEST = 300
BLANK = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines_of_code(source: str) -> int:
    """How many lines hold code; blank lines, comments and docstrings do not."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {
        line
        for token in tokens
        if token.type not in BLANK
        for line in range(token.start[0], token.end[0] + 1)
    }
    texts = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return len(code - texts)


@pytest.mark.parametrize("vendor", sorted(VENDORS.keys() - {"gemini"}))
def test_a_dialect_is_short(vendor: str) -> None:
    """Each of its modules is; Gemini's are older, and bound by nothing."""
    paths = sorted({*FOLDER.glob(f"{vendor}.py"), *FOLDER.glob(f"{vendor}_*.py")})

    assert paths
    for path in paths:
        assert lines_of_code(path.read_text(encoding="utf-8")) <= LONGEST, path.name
