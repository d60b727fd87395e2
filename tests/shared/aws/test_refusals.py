import pytest

from shared.aws.refusals import is_too_large, shown_code


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("AccessDenied", "AccessDenied"),
        ("AWS.SimpleQueueService.NonExistentQueue", "NonExistentQueue"),
        ("com.amazonaws.sqs#QueueDoesNotExist", "QueueDoesNotExist"),
        ("500", "500"),
        (None, "None"),
        ("<html>secret", "Unknown"),
        ("A" * 65, "Unknown"),
        ("", "Unknown"),
    ],
)
def test_p8_only_what_looks_like_a_code_is_shown(code: object, shown: str) -> None:
    assert shown_code(code) == shown


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("BatchRequestTooLong", ""),
        ("AWS.SimpleQueueService.BatchRequestTooLong", ""),
        ("InvalidParameter", "Invalid parameter: Message too long"),
        ("InvalidParameterValue", "Reason: Message must be shorter than 262144 bytes."),
        ("ValidationException", "Total size of the entries in the request is over the limit."),
        ("RequestEntityTooLargeException", None),
    ],
)
def test_what_each_service_calls_too_large_is_known(code: str, message: str | None) -> None:
    assert is_too_large(code, message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Throttling", "Rate exceeded"),
        ("ThrottlingException", "Rate exceeded"),
        ("LimitExceededException", "The account exceeded its quota of requests"),
        ("AccessDenied", None),
    ],
)
def test_what_can_pass_is_not_called_too_large(code: str, message: str | None) -> None:
    assert not is_too_large(code, message)
