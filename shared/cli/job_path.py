"""Which job, or which job collection, a command means: by a path, by options, or by both together."""

from dataclasses import dataclass

from shared.cli.stack_client import segment
from shared.errors import ConfigurationError

LITERALS = ("cloudservices", "jobcollections", "jobs")
EXAMPLE = "cs1/jc1/nightly"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPath:
    """A job collection."""

    cloud_service: str
    collection: str

    @property
    def cloud_service_path(self) -> str:
        """Where the connector has the cloud service."""
        return f"/api/cloudservices/{segment(self.cloud_service)}"

    @property
    def collection_path(self) -> str:
        """Where the connector has the collection."""
        return f"{self.cloud_service_path}/jobcollections/{segment(self.collection)}"

    @property
    def jobs_path(self) -> str:
        """Where the connector has its jobs."""
        return f"{self.collection_path}/jobs"

    def job_path(self, job: str) -> str:
        """Where the connector has one of its jobs."""
        return f"{self.jobs_path}/{segment(job)}"

    def __str__(self) -> str:
        return f"{self.cloud_service}/{self.collection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says: a path such as `cs1/jc1/nightly`, and options."""

    path: str | None
    cloud_service: str | None
    collection: str | None
    job: str | None = None


def read_place(given: Given) -> tuple[CollectionPath, str | None]:
    """Return the collection, and the job if one is named.

    Raises:
        ConfigurationError: with everything that is missing or given twice.
    """
    names = names_of(given.path)
    options = (
        ("--cloud-service", given.cloud_service),
        ("--collection", given.collection),
        ("--job", given.job),
    )
    faults, values = [], []
    for position, (option, value) in enumerate(options):
        in_path = names[position] if position < len(names) else None
        if in_path is not None and value is not None and in_path.lower() != value.lower():
            faults.append(f"{option} {value!r} is not the {in_path!r} of the path")
        values.append(in_path or value)
        if not values[-1] and option != "--job":
            faults.append(f"{option} is missing, and there is no path such as cs1/jc1")
    if faults:
        raise ConfigurationError("\n".join(faults))
    cloud_service, collection, job = values
    return CollectionPath(cloud_service=cloud_service or "", collection=collection or ""), job


def read_collection(given: Given) -> CollectionPath:
    """Return the collection.

    Raises:
        ConfigurationError: with everything that is missing, given twice or too much.
    """
    collection, job = read_place(given)
    if job:
        raise ConfigurationError(
            f"{given.path!r} names a job, and not a collection such as cs1/jc1"
        )
    return collection


def read_job(given: Given) -> tuple[CollectionPath, str]:
    """Return the collection and the job, which has to be named.

    Raises:
        ConfigurationError: with everything that is missing or given twice.
    """
    collection, job = read_place(given)
    if not job:
        raise ConfigurationError(f"--job is missing, and there is no path such as {EXAMPLE}")
    return collection, job


def names_of(path: str | None) -> list[str]:
    """Return the names in `cs1/jc1/nightly`, or in the path of a resource.

    Raises:
        ConfigurationError: it is neither.
    """
    if path is None:
        return []
    parts = path.removeprefix("/api/").removeprefix("/").removesuffix("/").split("/")
    if parts[0].lower() == LITERALS[0] and len(parts) > 1:
        given = tuple(part.lower() for part in parts[::2])
        if given != LITERALS[: len(given)] or len(parts) % 2:
            raise ConfigurationError(f"{path!r} is no path of a job or job collection")
        parts = parts[1::2]
    if len(parts) > len(LITERALS) or not all(parts):
        raise ConfigurationError(f"{path!r} is no path such as {EXAMPLE}")
    return parts
