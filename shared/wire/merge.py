"""How PATCH changes a document: deep merge, as recorded from the service (and as RFC 7396 says)."""

from shared.wire.json_types import Json, JsonObject


def merge(document: JsonObject, patch: JsonObject) -> JsonObject:
    """Return `document` changed by `patch`: objects merge at every level, arrays are replaced, null removes.

    What the patch does not name stays, credentials among it.
    """
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _merged(old: Json, new: Json) -> Json:
    if not isinstance(new, dict):
        return new
    return merge(old if isinstance(old, dict) else {}, new)
