"""Which test is the case of which method of a client."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])
ATTRIBUTE = "case_of"


def case_of(*methods: str) -> Callable[[Test], Test]:
    """Say whose case a test is; `conftest.pytest_pyfunc_call` fails it where it does not call them."""

    def mark(test: Test) -> Test:
        setattr(test, ATTRIBUTE, methods)
        return test

    return mark


def methods_of_case(test: object) -> tuple[str, ...]:
    return getattr(test, ATTRIBUTE, ())


def methods_with_a_case(modules: Iterable[ModuleType]) -> set[str]:
    """Return the methods whose cases are in `modules`."""
    tests = [test for module in modules for test in vars(module).values()]
    return {method for test in tests for method in methods_of_case(test)}
