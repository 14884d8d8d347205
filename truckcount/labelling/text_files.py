"""A text file of another program, in the encoding it happened to use, to text."""

from pathlib import Path

from truckcount.errors import LabelError


def decode_text(path: Path) -> str:
    """Read a text file that is UTF-8, UTF-16 with a mark, or Latin-1.

    Raises
    ------
    LabelError
        When the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}; check the path"
        raise LabelError(msg) from error
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")  # cannot fail


def guess_delimiter(text: str) -> str:
    """Tell by the first line what separates: a spreadsheet's country decides."""
    return max(",;\t", key=text.split("\n", 1)[0].count)
