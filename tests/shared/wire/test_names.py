import pytest

from shared.wire.names import name_faults


@pytest.mark.parametrize(
    ("param", "name"),
    [
        ("cloud_service", "cs-WestUS-scheduler"),
        ("cloud_service", "cloud_service_730f1122"),
        ("cloud_service", "a" * 100),
        ("job_collection", "testFromPSScenario"),
        ("job", "j 1"),
        ("job", "ä.b"),
        ("job", "..."),
        ("operation", "67e081d92791b59496907c8c88501b34"),
        ("operation", "67E081D9-2791-b594-9690-7c8c88501b34"),
        ("subscription", "anything"),
    ],
)
def test_names_of_real_resources_are_taken(param: str, name: str) -> None:
    assert name_faults({param: name}) == ()


@pytest.mark.parametrize(
    ("param", "name"),
    [
        ("cloud_service", ""),
        ("cloud_service", ".."),
        ("cloud_service", "a/b"),
        ("cloud_service", "a" * 101),
        ("cloud_service", "a\n"),
        ("job_collection", "1a"),
        ("job_collection", "a.b"),
        ("job_collection", "a" * 101),
        ("job", ""),
        ("job", "."),
        ("job", ".."),
        ("job", "j 1/x"),
        ("job", "a\\b"),
        ("job", "a\nb"),
        ("job", "a" * 101),
        ("operation", "67e081d9"),
        ("operation", "67e081d9-2791b594-9690-7c8c88501b34"),
    ],
)
def test_names_that_no_resource_can_have_are_faults(param: str, name: str) -> None:
    (fault,) = name_faults({param: name})

    assert fault.path == "$.resource"
    assert f"{name[:120]!r} is no name" in fault.message


def test_every_bad_name_has_a_fault() -> None:
    faults = name_faults({"cloud_service": "..", "job_collection": "jc", "job": ".."}, path="path")

    assert [fault.path for fault in faults] == ["path", "path"]
