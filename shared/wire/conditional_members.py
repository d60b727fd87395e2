"""Members that depend on a word beside them, found wrong together with everything else."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import LiteralString, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

ModelT = TypeVar("ModelT", bound=BaseModel)
Handler: TypeAlias = Callable[[object], ModelT]


def with_faults(
    model: type[ModelT],
    value: object,
    handler: Handler[ModelT],
    faults: Sequence[InitErrorDetails],
) -> ModelT:
    """Return what `handler` makes of `value`; the work of a validator that wraps `model`.

    Raises:
        ValidationError: with what the handler finds and `faults`.
    """
    try:
        found = handler(value)
    except ValidationError as error:
        if not faults:
            raise
        details = error.errors(include_url=False, include_context=False, include_input=False)
        told = [fault(one["type"], one["msg"], one["loc"]) for one in details]
        raise ValidationError.from_exception_data(model.__name__, [*told, *faults]) from None
    if faults:
        raise ValidationError.from_exception_data(model.__name__, list(faults))
    return found


def fault(kind: LiteralString, message: str, location: tuple[str | int, ...]) -> InitErrorDetails:
    error = PydanticCustomError(kind, "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=None)


def given(model: type[BaseModel], value: object) -> frozenset[str]:
    """Return the members of `model` that `value` has, as they are written."""
    if not isinstance(value, dict):
        return frozenset()
    written = _written(model)
    return frozenset(
        [written[name] for name, one in value.items() if one is not None and name in written]
    )


@lru_cache(maxsize=64)
def _written(model: type[BaseModel]) -> dict[str, str]:
    """Return how each member is written, by that and by its name in Python."""
    members = model.model_fields.items()
    names = {name: member.alias or name for name, member in members}
    return names | {written: written for written in names.values()}


def missing(
    model: type[BaseModel], value: object, names: Iterable[str]
) -> Sequence[InitErrorDetails]:
    """Return a fault for each of `names` that `value` lacks."""
    present = given(model, value)
    return [fault("missing", "", (name,)) for name in names if name not in present]
