"""The bodies of errors: XML from the front end, JSON from the provider, and reading either."""

from collections.abc import Sequence

from pydantic_core import to_json

from shared.errors import Fault, InvalidRequestError
from shared.wire.json_codec import encode_json
from shared.wire.json_types import Json, JsonObject, parse_json
from shared.wire.operation import ServiceError
from shared.wire.xml_elements import parse_xml, write_root, write_text


def rdfe_error(code: str, message: str) -> bytes:
    """Return the front end's error: of cloud services, collections' changes, operations and unknown paths."""
    return write_root("Error", write_text("Code", code), write_text("Message", message))


def json_error(code: str, message: str, faults: Sequence[Fault] = ()) -> bytes:
    """Return the error of `~` paths and of the connector; only the connector's has details, one for each fault."""
    error: JsonObject = {"code": code, "message": message}
    if faults:
        error["details"] = [
            {"code": code, "target": fault.path, "message": fault.message} for fault in faults
        ]
    return encode_json({"error": error})


def arm_error(code: str, message: str) -> bytes:
    """Return the error of ARM, which escapes no solidus."""
    return to_json({"error": {"code": code, "message": message}})


def read_error(content: bytes) -> ServiceError | None:
    """Return what an error body of any server says; None when it is neither of the forms."""
    try:
        if content.lstrip().startswith(b"<"):
            return _read_xml(content)
        return _read_json(parse_json(content))
    except InvalidRequestError:
        return None


def _read_xml(content: bytes) -> ServiceError | None:
    root = parse_xml(content, "Error")
    code = root.word("Code")
    return ServiceError(code=code, message=root.text("Message") or "") if code else None


def _read_json(document: Json) -> ServiceError | None:
    """Read `{"error": {...}}`, and the flat object that the SDKs read too."""
    if not isinstance(document, dict):
        return None
    members = {name.lower(): value for name, value in document.items()}
    if isinstance(inner := members.get("error"), dict):
        members = {name.lower(): value for name, value in inner.items()}
    code, message = members.get("code"), members.get("message")
    if not isinstance(code, str) or not code:
        return None
    return ServiceError(code=code, message=message if isinstance(message, str) else "")
