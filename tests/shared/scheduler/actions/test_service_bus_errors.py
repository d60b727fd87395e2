import pytest
from azure.servicebus import exceptions as sdk

from shared.scheduler.actions.not_sent import NotSent
from shared.scheduler.actions.service_bus_errors import not_sent


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sdk.ServiceBusAuthenticationError(), NotSent.UNAUTHORIZED),
        (sdk.ServiceBusAuthorizationError(), NotSent.UNAUTHORIZED),
        (sdk.MessagingEntityNotFoundError(), NotSent.ENTITY_NOT_FOUND),
        (sdk.MessagingEntityDisabledError(), NotSent.ENTITY_DISABLED),
        (sdk.MessageSizeExceededError(), NotSent.MESSAGE_SIZE_EXCEEDED),
        (sdk.ServiceBusQuotaExceededError(), NotSent.QUOTA_EXCEEDED),
        (sdk.ServiceBusServerBusyError(), NotSent.SERVER_BUSY),
        (sdk.OperationTimeoutError(), NotSent.TIMEOUT),
        (TimeoutError(), NotSent.TIMEOUT),
        (sdk.ServiceBusConnectionError(), NotSent.UNREACHABLE),
        (sdk.ServiceBusCommunicationError(), NotSent.UNREACHABLE),
        (sdk.ServiceBusError("Handler failed: it."), NotSent.UNREACHABLE),
        (IndexError("tuple index out of range"), NotSent.UNREACHABLE),
        (sdk.ServiceBusError("no", condition=b"amqp:not-allowed"), NotSent.REFUSED),
    ],
)
def test_the_sdks_class_is_the_decision(error: Exception, kind: NotSent) -> None:
    assert not_sent(error).kind is kind


@pytest.mark.parametrize(
    ("condition", "detail"),
    [
        (b"amqp:not-allowed", "amqp:not-allowed"),
        (b"com.microsoft:argument-error", "com.microsoft:argument-error"),
        (b"s3cret", ""),
        (b"s3cret Error condition: amqp:not-allowed", "amqp:not-allowed"),
    ],
)
def test_p8_of_the_brokers_words_only_known_conditions_are_told(
    condition: bytes, detail: str
) -> None:
    error = sdk.ServiceBusError("it holds a s3cret", condition=condition)

    assert not_sent(error).detail == detail
    assert "s3cret" not in str(not_sent(error))
