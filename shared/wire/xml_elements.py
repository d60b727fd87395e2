"""XML in the front end's form, read liberally and written exactly."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from shared.errors import Fault, InvalidRequestError

NAMESPACE = "http://schemas.microsoft.com/windowsazure"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{INSTANCE}}}nil"
INVALID_XML = "InvalidXmlRequest"
# XML 1.0 has no form for these; a carriage return would be read back as a line feed.
ESCAPES = {code: "\ufffd" for code in (*range(0x20), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)} | {
    0x0D: "&#13;",
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
}


class XmlElement:
    """An element whose children are found by local name, ignoring case and namespace; nil counts as absent."""

    def __init__(self, element: Element) -> None:
        self._element = element

    @property
    def name(self) -> str:
        return local_name(self._element)

    def children(self, name: str) -> list["XmlElement"]:
        return [
            XmlElement(child)
            for child in self._element
            if local_name(child) == name.lower() and child.get(NIL) not in ("true", "1")
        ]

    def child(self, name: str) -> "XmlElement | None":
        return next(iter(self.children(name)), None)

    def text(self, *path: str) -> str | None:
        """Return the text at the end of `path`, None where a step is absent."""
        element: XmlElement | None = self
        for name in path:
            element = element.child(name) if element is not None else None
        return None if element is None else element._element.text or ""

    def word(self, *path: str) -> str | None:
        """Return the text at the end of `path` without the white space around it, None where that is nothing."""
        return (self.text(*path) or "").strip() or None


def local_name(element: Element) -> str:
    """Return the name without its namespace, in lower case."""
    return element.tag.rpartition("}")[2].lower()


def parse_xml(content: bytes, root: str) -> XmlElement:
    """Return the root element, which must be called `root`.

    Raises:
        InvalidRequestError: `InvalidXmlRequest`, when there is no such XML, or it declares a document type or entities.
    """
    if not content.strip():
        raise InvalidRequestError([Fault("$", f"must be an XML {root} element")], code=INVALID_XML)
    try:
        element = XmlElement(fromstring(content, forbid_dtd=True))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidRequestError(
            [Fault("$", f"is not well-formed XML: {type(error).__name__}")], code=INVALID_XML
        ) from None
    if element.name != root.lower():
        raise InvalidRequestError(
            [Fault("$", f"must be an XML {root} element, not {element.name[:100]}")],
            code=INVALID_XML,
        )
    return element


def write_root(name: str, *children: str) -> bytes:
    """Return a document as the front end writes it: no declaration, both namespaces on the root."""
    opening = f'{name} xmlns="{NAMESPACE}" xmlns:i="{INSTANCE}"'
    inner = "".join(children)
    return (f"<{opening}>{inner}</{name}>" if inner else f"<{opening}/>").encode()


def write_element(name: str, *children: str) -> str:
    inner = "".join(children)
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def write_text(name: str, value: object) -> str:
    """Return an element with text; nothing at all when `value` is None."""
    return "" if value is None else write_element(name, str(value).translate(ESCAPES))
