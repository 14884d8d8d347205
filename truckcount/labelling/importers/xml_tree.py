"""XML files to trees that know their lines and take nothing from outside."""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import TreeBuilder

from truckcount.errors import LabelError

LINE = "-line"  # no attribute of XML can be called so


def read_xml(path: Path) -> Any:
    """Parse a file; every element tells its line by :func:`line_of`.

    Entities, internal or external, are refused: none is needed, and they read
    other files or blow up in memory.

    Raises
    ------
    LabelError
        Naming the file and, where known, the line.
    """
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import DefusedXMLParser, ParseError
    except ImportError as error:
        msg = f"{path}: reading XML needs `pip install 'truckcount[train]'`"
        raise LabelError(msg) from error
    target = _LineTarget()
    parser = DefusedXMLParser(target=target, forbid_entities=True, forbid_external=True)
    target.expat = parser.parser
    try:
        parser.feed(path.read_bytes())
        return parser.close()
    except ParseError as error:
        msg = f"{path} is no well-formed XML: {error}"
        raise LabelError(msg) from error
    except DefusedXmlException as error:
        msg = f"{path} is refused: it declares entities or files from outside ({error})"
        raise LabelError(msg) from error
    except (OSError, ValueError, LookupError) as error:
        msg = f"{path} cannot be read: {error}"
        raise LabelError(msg) from error


class _LineTarget:
    """Builds the tree and notes at each element the line where it begins."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self.expat: Any = None

    def start(self, tag: str, attributes: dict[str, str]) -> Any:
        """Open an element."""
        line = str(self.expat.CurrentLineNumber)
        return self._builder.start(tag, {**attributes, LINE: line})

    def end(self, tag: str) -> Any:
        """Close an element."""
        return self._builder.end(tag)

    def data(self, text: str) -> None:
        """Take text."""
        self._builder.data(text)

    def close(self) -> Any:
        """Return the root."""
        return self._builder.close()


def line_of(element: Any) -> str:
    """Return the line of an element."""
    return str(element.get(LINE, "?"))


def number_of(element: Any, name: str) -> float:
    """Return a number of an attribute, or of a child's text.

    Raises
    ------
    ValueError
        Saying what there is instead.
    """
    text = element.get(name)
    if text is None:
        text = element.findtext(name)
    try:
        return float(text)
    except (TypeError, ValueError) as error:
        msg = f"<{element.tag}> has {name} {text!r}; want a number"
        raise ValueError(msg) from error
