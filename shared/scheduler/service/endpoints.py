"""What each endpoint of the catalogue does: a change, or a query."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from shared.clock import Clock
from shared.scheduler.service.arm.endpoints import ArmEndpoints
from shared.scheduler.service.arm.job_form import ArmJobForm
from shared.scheduler.service.certificate_endpoints import CertificateEndpoints
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.service.changes import Change, Changes, Effect
from shared.scheduler.service.classic_job_form import ClassicJobForm
from shared.scheduler.service.collection_states import CollectionStates
from shared.scheduler.service.containers import CloudServices, JobCollections
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.scheduler.service.job_changes import JobChanges
from shared.scheduler.service.jobs import Jobs
from shared.scheduler.service.operation_status import status_query
from shared.scheduler.service.providers import ResourceProviders
from shared.scheduler.store import SchedulerStore
from shared.sealing import Sealer
from shared.sql.database import Transaction
from shared.wire.endpoint import Surface

EndpointT = TypeVar("EndpointT")


class Endpoints:
    """Reads a request into what is to be done for it; RequestError says what is wrong with it."""

    def __init__(
        self,
        store: SchedulerStore,
        job_changes: JobChanges,
        *,
        certificates: ManagementCertificates,
        sealer: Sealer,
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        """`new_id` returns 32 lower-case hexadecimal digits."""
        self._sealer = sealer
        self._changes = Changes(store)
        services, collections = CloudServices(store, new_id), JobCollections(store, new_id)
        certificate = CertificateEndpoints(certificates)
        form = ClassicJobForm()
        jobs = Jobs(store, job_changes, form, sealer=sealer, new_id=new_id, clock=clock)
        providers = ResourceProviders(store)
        states = CollectionStates(store, form, new_id)
        effects: dict[str, Callable[[Request], Effect]] = {
            "CreateOrUpdateCloudService": services.create_or_update,
            "DeleteCloudService": services.delete,
            "CreateJobCollection": collections.create_or_update,
            "PatchJobCollection": collections.patch,
            "DeleteJobCollection": collections.delete,
            "CreateJob": jobs.create,
            "CreateOrUpdateJob": jobs.create_or_update,
            "PatchJob": jobs.patch,
            "DeleteJob": jobs.delete,
            "RunJob": jobs.run,
            "SetJobsState": states.set_jobs_state,
            "EnableJobCollection": states.enable,
            "DisableJobCollection": states.disable,
            "EntitleResource": providers.entitle,
            "RegisterResourceProvider": providers.register,
            "UnregisterResourceProvider": providers.unregister,
            "AddManagementCertificate": certificate.add,
            "DeleteManagementCertificate": certificate.delete,
        }
        queries: dict[str, Callable[[Request], Query]] = {
            "ListCloudServices": services.list,
            "GetCloudService": services.get,
            "GetJobCollection": collections.get,
            "ListJobs": jobs.list,
            "GetJob": jobs.get,
            "GetJobHistory": jobs.history,
            "GetOperationStatus": status_query(store),
            "CheckJobCollectionName": collections.check_name,
            "GetResourceProviderProperties": providers.properties,
            "GetResourceProvider": providers.get,
            "ListManagementCertificates": certificate.list,
            "GetManagementCertificate": certificate.get,
        }
        outcomes: dict[str, Callable[[Request], Query]] = {
            "SetJobsState": states.jobs,
            "EnableJobCollection": states.done,
            "DisableJobCollection": states.done,
        }
        arm = ArmEndpoints(
            store,
            new_id,
            services=services,
            classic=collections,
            states=states,
            jobs=Jobs(store, job_changes, ArmJobForm(), sealer=sealer, new_id=new_id, clock=clock),
        )
        self._effects = by_surface(effects, arm.effects)
        self._queries = by_surface(queries, arm.queries)
        self._outcomes = by_surface(outcomes, arm.outcomes)

    def query(self, request: Request) -> Query:
        return self._queries[key_of(request)](request)

    def change(self, request: Request) -> Change:
        effect = self._effects[key_of(request)](request)
        return Change(request, effect, self._fingerprint(request))

    def apply(self, transaction: Transaction, changes: Sequence[Change]) -> list[Answer]:
        """Apply changes one after another; the work of one grouped transaction."""
        return self._changes.apply(transaction, changes)

    def outcome(self, request: Request) -> Query:
        """Return what answers a request whose caller waited, when its operation has succeeded."""
        return self._outcomes[key_of(request)](request)

    def remember(self, transaction: Transaction, request_id: str, answer: Answer) -> None:
        """Have the request answered the same when it comes again."""
        self._changes.remember(transaction, request_id, answer)

    def _fingerprint(self, request: Request) -> str | None:
        """Return what tells a request sent again from another one under the same id."""
        if not request.is_repeatable:
            return None
        names = "/".join(request.params.values()).lower()
        if_match = request.headers.get(b"if-match", b"").decode("latin-1")
        said = "\n".join((*key_of(request), names, request.query, if_match, ""))
        return self._sealer.fingerprint(said.encode() + request.body)


def by_surface(
    classic: Mapping[str, EndpointT], arm: Mapping[str, EndpointT]
) -> dict[tuple[Surface, str], EndpointT]:
    return {
        **{(Surface.CLASSIC, name): one for name, one in classic.items()},
        **{(Surface.ARM, name): one for name, one in arm.items()},
    }


def key_of(request: Request) -> tuple[Surface, str]:
    return request.endpoint.surface, request.endpoint.name
