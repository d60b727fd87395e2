from inspect import getdoc

from shared import errors
from shared.errors import Fault, InvalidRequestError, TocsinError


def subclasses(root: type[TocsinError]) -> list[type[TocsinError]]:
    return [root, *(c for child in root.__subclasses__() for c in subclasses(child))]


def test_all_faults_are_told_at_once() -> None:
    error = InvalidRequestError([Fault("$.a", "is missing"), Fault("$.b", "is no number")])

    assert str(error) == "$.a: is missing; $.b: is no number"
    assert [fault.path for fault in error.faults] == ["$.a", "$.b"]


def test_a_sentence_is_told_without_its_path_and_before_what_has_one() -> None:
    sentence = Fault("$.c", "Cannot do this.", is_sentence=True)

    assert InvalidRequestError([sentence]).message == "Cannot do this."
    assert InvalidRequestError([Fault("$.a", "is missing"), sentence, sentence]).message == (
        "Cannot do this. Cannot do this. $.a: is missing"
    )


def test_the_drawing_at_the_top_shows_every_exception_of_the_file() -> None:
    drawn = getdoc(errors) or ""

    ours = [error for error in subclasses(TocsinError) if error.__module__ == errors.__name__]

    assert [error.__name__ for error in ours if error.__name__ not in drawn] == []
