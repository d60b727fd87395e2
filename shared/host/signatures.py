"""Which signatures a function may have.

The rules are those of Microsoft's worker (azure-functions-runtime 1.3.0), which refuses the whole app for one of them;
`tests/e2e/runtime` shows both the same functions and expects the same verdicts.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import azure.functions as func

from shared.host.converters import converter
from shared.host.functions import RETURN

OUT = 1
IN_OUT = 2

Annotation = Any  # what stands behind a colon: a type, an alias, or a mistake


def signature_faults(call: Callable[..., Any], bindings: list[Any]) -> Iterator[str]:
    """Say everything for which the worker would refuse `call` with these bindings."""
    try:
        annotations = typing.get_type_hints(call)
    except Exception as error:  # annotations are the app's code and may raise anything
        yield f"annotations cannot be read: {error}"
        return
    bound = {binding.name: binding for binding in bindings if binding.name != RETURN}
    declared = set(inspect.signature(call).parameters)
    if "context" in declared - bound.keys():
        declared.remove("context")
        yield from context_faults(annotations)
    for name in sorted(declared - bound.keys()):
        yield f"parameter {name!r} has no binding"
    for name in sorted(bound.keys() - declared):
        yield f"binding {name!r} has no parameter"
    for name in sorted(declared & bound.keys() & annotations.keys()):
        yield from parameter_faults(bound[name], annotations[name])
    yield from return_faults(bindings, annotations)


def context_faults(annotations: Mapping[str, Annotation]) -> Iterator[str]:
    annotation = annotations.get("context", func.Context)
    if not isinstance(annotation, type) or annotation.__name__ != "Context":
        yield f"'context' is annotated {annotation!r}, not azure.functions.Context"


def parameter_faults(binding: Any, annotation: Annotation) -> Iterator[str]:
    if binding.direction == IN_OUT:
        yield f"binding {binding.name!r}: direction inout is not supported"
        return
    is_out = is_out_annotation(annotation)
    if is_out != (binding.direction == OUT):
        expected = "azure.functions.Out" if binding.direction == OUT else "an input type"
        yield f"{binding.name!r} is annotated {annotation!r}, not {expected}"
        return
    wanted = annotation
    if is_out:
        arguments = typing.get_args(annotation)
        if len(arguments) != 1:
            yield f"{binding.name!r} is annotated Out without the type of its value"
            return
        wanted = arguments[0]
    if not is_plain_type(wanted) and not is_generic(wanted):
        yield f"{binding.name!r} is annotated {annotation!r}, which is no type the worker reads"
    elif not fits(binding.type, wanted, is_out=is_out):
        yield f"{binding.name!r} is annotated {annotation!r}, which a {binding.type} is not"


def return_faults(bindings: list[Any], annotations: Mapping[str, Annotation]) -> Iterator[str]:
    binding = next((binding for binding in bindings if binding.name == RETURN), None)
    if binding is None or "return" not in annotations:
        return
    annotation = annotations["return"]
    if not is_plain_type(annotation) or not fits_return(binding.type, annotation):
        yield f"the return value is annotated {annotation!r}, which a {binding.type} does not take"


def is_out_annotation(annotation: Annotation) -> bool:
    origin = origin_of(annotation) or annotation
    return isinstance(origin, type) and origin.__name__ == "Out"


def origin_of(annotation: Annotation) -> Any:
    return typing.get_origin(annotation)


def is_plain_type(annotation: Annotation) -> bool:
    return isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias)


def is_generic(annotation: Annotation) -> bool:
    # `list[X]` is a types.GenericAlias, which the worker does not know; `typing.List[X]` is what it reads.
    origin = origin_of(annotation)
    return (
        isinstance(origin, type)
        and not isinstance(annotation, types.GenericAlias | types.UnionType)
        and origin is not tuple
    )


def fits(binding_type: str, annotation: Annotation, *, is_out: bool) -> bool:
    if annotation in (str, bytes):
        return True
    rules = converter(binding_type)
    if rules is None:  # no rules of its own: it takes anything
        return True
    try:
        return bool(
            rules.check_output_type_annotation(annotation)
            if is_out
            else rules.check_input_type_annotation(annotation)
        )
    except TypeError:  # issubclass() of something that is no class: the worker fails the same way
        return False


def fits_return(binding_type: str, annotation: type) -> bool:
    rules = converter(binding_type)
    return rules is None or bool(rules.check_output_type_annotation(annotation))
