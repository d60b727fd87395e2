"""The commands of `./tocsin jobs`; each imports what it needs when it is called."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shared.cli.stack_options import (
    DEFAULT_FOLDER,
    DEFAULT_PORT,
    DataDirectory,
    Json,
    Port,
    StackPlace,
    TokenFile,
)

if TYPE_CHECKING:
    from shared.cli.jobs import Jobs

jobs = typer.Typer(help="Manage the jobs of a running stack.", no_args_is_help=True)

JobPath = Annotated[
    str | None, typer.Argument(metavar="PATH", help="Such as cs1/jc1/nightly; else options.")
]
CollectionPath = Annotated[
    str | None, typer.Argument(metavar="PATH", help="Such as cs1/jc1; else options.")
]
CloudService = Annotated[str | None, typer.Option("--cloud-service", help="Of the job.")]
Collection = Annotated[str | None, typer.Option("--collection", help="Of the job.")]
Job = Annotated[str | None, typer.Option("--job", help="The job's id.")]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Print the operation's id instead of waiting for it.")
]


@jobs.command()
def put(
    file: Annotated[str, typer.Argument(help="A job in the classic form, JSON; - is stdin.")],
    path: JobPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    job: Annotated[
        str | None,
        typer.Option("--job", help="Default: `id` of the definition, or the name of its file."),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make cloud service and collection where missing.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Create a job, or replace it, and show it."""
    from shared.cli.job_path import Given, read_place
    from shared.cli.jobs import job_name, read_job_document

    given = Given(path=path, cloud_service=cloud_service, collection=collection, job=job)
    where, named = read_place(given)
    document = read_job_document(file)
    name = job_name(named, file, document)
    if name is None:
        raise typer.BadParameter("a definition on stdin without an `id` needs --job or a PATH")
    with_jobs(
        lambda jobs: jobs.put(where, name, document, creates=create),
        StackPlace(data_dir, port, token_file),
        as_json=as_json,
        waits=not no_wait,
    )


@jobs.command()
def get(
    path: JobPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    job: Job = None,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show a job: what it does, when, and how it did."""
    from shared.cli.job_path import Given, read_job

    where, name = read_job(
        Given(path=path, cloud_service=cloud_service, collection=collection, job=job)
    )
    with_jobs(
        lambda jobs: jobs.get(where, name), StackPlace(data_dir, port, token_file), as_json=as_json
    )


@jobs.command("list")
def list_them(
    path: CollectionPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    state: Annotated[
        Literal["enabled", "disabled", "completed", "faulted"] | None,
        typer.Option(help="Those alone."),
    ] = None,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show the jobs of a collection with their next and last execution."""
    from shared.cli.job_path import Given, read_collection

    where = read_collection(Given(path=path, cloud_service=cloud_service, collection=collection))
    with_jobs(
        lambda jobs: jobs.list(where, state=state),
        StackPlace(data_dir, port, token_file),
        as_json=as_json,
    )


@jobs.command()
def delete(
    path: JobPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    job: Job = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Delete a job and its history."""
    from shared.cli.job_path import Given, read_job

    where, name = read_job(
        Given(path=path, cloud_service=cloud_service, collection=collection, job=job)
    )
    with_jobs(
        lambda jobs: jobs.delete(where, name),
        StackPlace(data_dir, port, token_file),
        as_json=as_json,
        waits=not no_wait,
    )


@jobs.command()
def run(
    path: JobPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    job: Job = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Run a job once more, at once; its schedule stays as it is."""
    from shared.cli.job_path import Given, read_job

    where, name = read_job(
        Given(path=path, cloud_service=cloud_service, collection=collection, job=job)
    )
    with_jobs(
        lambda jobs: jobs.run(where, name),
        StackPlace(data_dir, port, token_file),
        as_json=as_json,
        waits=not no_wait,
    )


@jobs.command()
def history(
    path: JobPath = None,
    cloud_service: CloudService = None,
    collection: Collection = None,
    job: Job = None,
    status: Annotated[
        Literal["completed", "failed"] | None, typer.Option(help="Those alone.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
    as_json: Json = False,
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    token_file: TokenFile = None,
) -> None:
    """Show the attempts of a job, the newest first."""
    from shared.cli.job_path import Given, read_job

    where, name = read_job(
        Given(path=path, cloud_service=cloud_service, collection=collection, job=job)
    )
    with_jobs(
        lambda jobs: jobs.history(where, name, status=status, limit=limit),
        StackPlace(data_dir, port, token_file),
        as_json=as_json,
    )


def with_jobs(
    use: "Callable[[Jobs], Coroutine[Any, Any, None]]",
    place: StackPlace,
    *,
    as_json: bool,
    waits: bool = True,
) -> None:
    """Run a command on the jobs of a stack."""
    from shared.cli.jobs import Jobs
    from shared.cli.stack_client import on_stack

    on_stack(
        place,
        lambda client, clock: use(Jobs(client, clock=clock, as_json=as_json, waits=waits)),
    )
