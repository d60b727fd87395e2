"""Values of the wire as Hypothesis draws them."""

from datetime import UTC, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from shared.wire.action import ActionType, ErrorAction, JobAction
from shared.wire.authentication import (
    ActiveDirectoryOAuthAuthentication,
    AuthenticationType,
    BasicAuthentication,
    ClientCertificateAuthentication,
)
from shared.wire.cloud_service import SUPPORTED_GEO_REGIONS, CloudService, CloudServiceAnswer
from shared.wire.http_action import HttpRequest
from shared.wire.job import Job, JobState
from shared.wire.job_collection import (
    JobCollection,
    JobCollectionAnswer,
    JobCollectionState,
    MaxRecurrence,
    OperationError,
    OperationResult,
    Plan,
    Quota,
)
from shared.wire.json_types import Json
from shared.wire.model import WireModel
from shared.wire.operation import Operation, OperationStatus, ServiceError
from shared.wire.queue_action import (
    BrokeredMessageProperties,
    ServiceBusAuthentication,
    ServiceBusAuthenticationType,
    ServiceBusQueueMessage,
    ServiceBusTopicMessage,
    StorageQueueMessage,
    TransportType,
)
from shared.wire.recurrence import (
    MAX_INTERVAL,
    Frequency,
    MonthlyOccurrence,
    Recurrence,
    Schedule,
    WeekDay,
)
from shared.wire.retry_policy import RetryPolicy, RetryType
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed

ModelT = TypeVar("ModelT", bound=WireModel)


def model(kind: type[ModelT], **members: st.SearchStrategy[object]) -> st.SearchStrategy[ModelT]:
    """`st.builds` would also invent the aliases that the signature of a model shows."""
    return st.fixed_dictionaries(members).map(kind.model_validate)


instants = st.datetimes(timezones=st.just(UTC))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
xml_texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r<>&\"'"),
    max_size=40,
)
# Labels are base64 on the wire and read kindly: text that is base64 itself cannot be told from its own encoding.
labels = xml_texts.filter(bool)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1)
counts = st.integers(1, 2**31 - 1)

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
json_objects = st.dictionaries(texts, json_values, max_size=5)

authentications = (
    model(
        BasicAuthentication,
        username=words,
        password=texts,
        type=st.just(AuthenticationType.BASIC),
    )
    | model(
        ClientCertificateAuthentication,
        pfx=st.sampled_from([pfx_of(self_signed(name(*TERRAFORM))) for _ in range(2)]),
        type=st.just(AuthenticationType.CLIENT_CERTIFICATE),
    )
    | model(
        ActiveDirectoryOAuthAuthentication,
        tenant=st.uuids().map(str),
        audience=words,
        client_id=words,
        secret=texts,
        type=st.just(AuthenticationType.ACTIVE_DIRECTORY_OAUTH),
    )
)
requests = model(
    HttpRequest,
    uri=st.builds("https://{}.example.org/{}".format, words.map(lambda word: f"a{word}a"), words),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "get"]),
    headers=st.none() | st.dictionaries(words, words, max_size=5),
    body=st.none() | texts,
    authentication=st.none() | authentications,
)
retry_policies = model(
    RetryPolicy,
    retry_type=st.sampled_from(RetryType),
    retry_interval=st.none() | st.timedeltas(timedelta(seconds=15), timedelta(days=548)),
    retry_count=st.none() | st.integers(1, 20),
)
host_names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
storage_queue_messages = model(
    StorageQueueMessage,
    storage_account=host_names,
    queue_name=words,
    sas_token=texts,
    message=st.none() | texts,
)
brokered_message_properties = model(
    BrokeredMessageProperties,
    content_type=st.none() | texts,
    force_persistence=st.none() | st.booleans(),
    scheduled_enqueue_time_utc=st.none() | instants,
    time_to_live=st.none() | instants | st.timedeltas(timedelta(0), timedelta(days=9999)),
)
service_bus_members: dict[str, st.SearchStrategy[object]] = {
    "namespace": host_names,
    "transport_type": st.none() | st.sampled_from(TransportType),
    "authentication": st.none()
    | model(
        ServiceBusAuthentication,
        sas_key_name=texts,
        sas_key=texts,
        type=st.sampled_from(ServiceBusAuthenticationType),
    ),
    "message": st.none() | texts,
    "brokered_message_properties": st.none() | brokered_message_properties,
    "custom_message_properties": st.none() | st.dictionaries(texts, texts, max_size=3),
}
PAYLOADS: dict[ActionType, dict[str, st.SearchStrategy[object]]] = {
    ActionType.HTTP: {"request": requests},
    ActionType.HTTPS: {"request": requests},
    ActionType.STORAGE_QUEUE: {"queue_message": storage_queue_messages},
    ActionType.SERVICE_BUS_QUEUE: {
        "service_bus_queue_message": model(
            ServiceBusQueueMessage, queue_name=words, **service_bus_members
        )
    },
    ActionType.SERVICE_BUS_TOPIC: {
        "service_bus_topic_message": model(
            ServiceBusTopicMessage, topic_path=words, **service_bus_members
        )
    },
}


def of_any_type(
    kind: type[ModelT], **members: st.SearchStrategy[object]
) -> st.SearchStrategy[ModelT]:
    """Actions of each type with its payload."""
    return st.sampled_from(ActionType).flatmap(
        lambda type: model(kind, type=st.just(type), **PAYLOADS[type], **members)
    )


actions = of_any_type(
    JobAction,
    retry_policy=st.none() | retry_policies,
    error_action=st.none() | of_any_type(ErrorAction),
)


def _some(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, min_size=1, max_size=6, unique=True).map(tuple)


_minutes, _hours = _some(st.integers(0, 59)), _some(st.integers(0, 23))
_times: dict[str, st.SearchStrategy[object]] = {"minutes": _minutes, "hours": _hours}
_month_days = _some(st.integers(-31, 31).filter(bool))
_monthly_occurrences = _some(
    model(
        MonthlyOccurrence,
        day=st.sampled_from(WeekDay),
        occurrence=st.none() | st.integers(-5, 5).filter(bool),
    )
)


def schedules(frequency: Frequency) -> st.SearchStrategy[Schedule | None]:
    """Schedules that the frequency can have."""
    kinds: dict[Frequency, list[dict[str, st.SearchStrategy[object]]]] = {
        Frequency.MINUTE: [],
        Frequency.HOUR: [{"minutes": _minutes}],
        Frequency.DAY: [_times],
        Frequency.WEEK: [{**_times, "week_days": _some(st.sampled_from(WeekDay))}],
        Frequency.MONTH: [
            {**_times, "month_days": _month_days},
            {**_times, "monthly_occurrences": _monthly_occurrences},
        ],
    }
    drawn = [
        st.fixed_dictionaries({}, optional=members).filter(bool).map(Schedule.model_validate)
        for members in kinds[frequency]
    ]
    return st.one_of(st.none(), *drawn)


recurrences = st.sampled_from(Frequency).flatmap(
    lambda frequency: model(
        Recurrence,
        frequency=st.just(frequency),
        interval=st.integers(1, MAX_INTERVAL[frequency]),
        count=st.none() | counts,
        end_time=st.none() | instants,
        schedule=schedules(frequency),
    )
)
jobs = model(
    Job,
    id=st.none() | words,
    start_time=st.none() | instants,
    action=actions,
    recurrence=st.none() | recurrences,
    state=st.sampled_from([JobState.ENABLED, JobState.DISABLED]),
    state_details=st.none() | texts,
)

quotas = model(
    Quota,
    max_job_count=st.none() | counts,
    max_job_occurrence=st.none() | counts,
    max_recurrence=st.none()
    | model(MaxRecurrence, frequency=st.sampled_from(Frequency), interval=st.integers(1, 18)),
)
job_collections = model(
    JobCollection,
    plan=st.sampled_from(Plan),
    quota=st.none() | quotas,
    label=st.none() | labels,
)
operation_errors = model(
    OperationError,
    http_code=st.integers(400, 599),
    message=xml_texts,
    extended_code=st.none() | words,
)
listed_job_collections = model(
    JobCollectionAnswer,
    name=words,
    geo_region=st.none(),
    etag=st.uuids().map(str),
    state=st.sampled_from(JobCollectionState),
    plan=st.sampled_from(Plan),
    quota=st.none() | quotas,
    label=st.none() | labels,
    operation_type=st.sampled_from(["Create", "Update"]),
    operation_result=st.sampled_from(OperationResult),
    error=st.none() | operation_errors,
)
cloud_services = model(
    CloudService,
    label=xml_texts.filter(bool),
    description=xml_texts,
    geo_region=st.sampled_from(SUPPORTED_GEO_REGIONS),
    email=st.none() | words,
)
cloud_service_answers = model(
    CloudServiceAnswer,
    name=words,
    label=xml_texts,
    description=xml_texts,
    geo_region=st.sampled_from(SUPPORTED_GEO_REGIONS),
    resources=st.lists(listed_job_collections, max_size=3).map(tuple),
)
operations = model(
    Operation,
    id=st.uuids().map(lambda uuid: uuid.hex),
    status=st.sampled_from(OperationStatus),
    http_status_code=st.none() | st.integers(100, 599),
    error=st.none() | model(ServiceError, code=words, message=xml_texts),
)
