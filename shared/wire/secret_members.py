"""The secret members of a JSON document: the same walk seals, unseals, masks or drops them."""

from collections.abc import Callable

from shared.wire.json_types import Json, JsonObject

SECRET_MEMBERS = frozenset({"password", "pfx", "secret", "sastoken", "saskey"})
# Free-form maps: their members are the caller's names, not ours.
FREE_FORM = frozenset({"headers", "custommessageproperties"})


def map_secret_members(document: Json, change: Callable[[str], str | None]) -> Json:
    """Return a copy of `document` in which every secret is what `change` makes of it; None drops the member.

    Works on any JSON, valid for a model or not: names are compared ignoring case, and a secret that is not text is
    dropped.
    """
    if isinstance(document, dict):
        return _map_object(document, change)
    if isinstance(document, list):
        return [map_secret_members(item, change) for item in document]
    return document


def drop_secrets(document: JsonObject) -> JsonObject:
    """Return a copy of `document` without its secrets: the form of answers and events."""
    return _map_object(document, lambda _: None)


def _map_object(document: JsonObject, change: Callable[[str], str | None]) -> JsonObject:
    result: JsonObject = {}
    for name, value in document.items():
        folded = name.lower()
        if folded in SECRET_MEMBERS:
            changed = change(value) if isinstance(value, str) else None
            if changed is not None:
                result[name] = changed
        elif folded in FREE_FORM or not isinstance(value, dict | list):
            result[name] = value
        else:
            result[name] = map_secret_members(value, change)
    return result
