"""What a PATCH makes of a job: deep merge, except for what a changed `type` leaves without meaning.

A patch is merged with a stored document, whose secrets are sealed. So a new pfx is opened before that, and what it
tells is then part of the patch.
"""

from collections.abc import Callable

from shared.errors import Fault, InvalidRequestError
from shared.wire.action import ALL_PAYLOADS, payload_of
from shared.wire.authentication import DERIVED, AuthenticationType, authentication_type
from shared.wire.client_certificate import open_pfx
from shared.wire.json_types import Json, JsonObject
from shared.wire.merge import merge
from shared.wire.times import format_instant


def with_certificates(patch: JsonObject, *, path: str = "$") -> JsonObject:
    """Return a patch of a job with what each pfx tells beside it; what the caller says of that is left out.

    Raises:
        InvalidRequestError: with a fault for each pfx that cannot be opened with the password beside it.
    """
    faults: list[Fault] = []

    def of_authentication(authentication: JsonObject, at: str) -> JsonObject:
        return _with_certificate(authentication, at, faults)

    def of_request(request: JsonObject, at: str) -> JsonObject:
        return _changed(request, "authentication", of_authentication, at)

    def of_action(action: JsonObject, at: str) -> JsonObject:
        return _changed(_changed(action, "request", of_request, at), "errorAction", of_action, at)

    result = _changed(patch, "action", of_action, path)
    if faults:
        raise InvalidRequestError(faults)
    return result


def merge_job(job: JsonObject, patch: JsonObject) -> JsonObject:
    """Return a stored job changed by a patch from `with_certificates`; the secrets of both are sealed.

    Raises:
        InvalidRequestError: a password comes without the pfx that it opens.
    """

    def of_action(old: JsonObject, new: JsonObject, at: str) -> JsonObject:
        changed = _merged(old, new, at, {"request": of_request, "errorAction": of_action})
        if kept := payload_of(changed.get("type")):
            for payload in ALL_PAYLOADS - {kept} - new.keys():
                changed.pop(payload, None)
        return changed

    def of_request(old: JsonObject, new: JsonObject, at: str) -> JsonObject:
        return _merged(old, new, at, {"authentication": _merge_authentication})

    return _merged(job, patch, "$", {"action": of_action})


def _changed(
    document: JsonObject, name: str, change: Callable[[JsonObject, str], JsonObject], at: str
) -> JsonObject:
    member = document.get(name)
    if not isinstance(member, dict):
        return document
    return {**document, name: change(member, f"{at}.{name}")}


def _with_certificate(authentication: JsonObject, at: str, faults: list[Fault]) -> JsonObject:
    result = {name: value for name, value in authentication.items() if name not in DERIVED}
    pfx, password = result.get("pfx"), result.get("password")
    if not isinstance(pfx, str):
        return result
    try:
        told = open_pfx(pfx, password if isinstance(password, str) else "")
    except ValueError as error:
        faults.append(Fault(f"{at}.pfx", str(error)))
        return result
    values: tuple[Json, ...] = (
        told.thumbprint,
        format_instant(told.expires_at),
        told.subject_name,
    )
    return {**result, **dict(zip(DERIVED, values, strict=True))}


Merge = Callable[[JsonObject, JsonObject, str], JsonObject]


def _merged(old: JsonObject, new: JsonObject, at: str, special: dict[str, Merge]) -> JsonObject:
    """Merge, with rules of their own for members that both documents have."""
    changed = merge(old, new)
    for name, rule in special.items():
        before, named = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(named, dict):
            changed[name] = rule(before, named, f"{at}.{name}")
    return changed


def _merge_authentication(old: JsonObject, new: JsonObject, at: str) -> JsonObject:
    kind = authentication_type(old)
    if "type" in new and authentication_type(new) is not kind:
        return merge({}, new)
    changed = merge(old, new)
    if kind is AuthenticationType.CLIENT_CERTIFICATE:
        if "pfx" not in new and "password" in new:
            raise InvalidRequestError(
                [Fault(f"{at}.password", "must have the pfx that it opens beside it")]
            )
        if "pfx" in new and "password" not in new:
            changed.pop("password", None)
    return changed
