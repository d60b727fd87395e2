"""What schemathesis does not do: an XML body against the schema that an OpenAPI document has for it."""

from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from shared.wire.xml_elements import NAMESPACE, NIL

Schemas = dict[str, dict[str, Any]]


def check_xml(body: bytes, schema: dict[str, Any], schemas: Schemas) -> None:
    """Raises AssertionError unless `body` is an element as `schema` describes it."""
    root = fromstring(body)
    expected = resolved(schema, schemas)["xml"]
    assert root.tag == f"{{{expected['namespace']}}}{expected['name']}"
    check(root, schema, schemas)


def check(element: Element, schema: dict[str, Any], schemas: Schemas) -> None:
    if element.get(NIL) == "true":
        return
    schema = resolved(schema, schemas)
    match schema["type"]:
        case "array":
            for child in element:
                check(child, schema["items"], schemas)
        case "object":
            names = [local_name(child) for child in element]
            assert set(schema.get("required", ())) <= set(names), f"{names} in {element.tag}"
            assert set(names) <= set(schema["properties"]), f"{names} in {element.tag}"
            assert len(set(names)) == len(names), f"{names} in {element.tag}"
            for name, child in zip(names, element, strict=True):
                check(child, schema["properties"][name], schemas)
        case kind:
            check_text(element.text or "", kind, schema)


def check_text(text: str, kind: str, schema: dict[str, Any]) -> None:
    match kind:
        case "integer":
            assert text.isascii(), text
            assert text.isdigit(), text
        case "boolean":
            assert text in ("true", "false")
        case _:
            assert text in schema.get("enum", (text,))


def local_name(element: Element) -> str:
    assert element.tag.startswith(f"{{{NAMESPACE}}}"), element.tag
    return element.tag.rpartition("}")[2]


def resolved(schema: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema
