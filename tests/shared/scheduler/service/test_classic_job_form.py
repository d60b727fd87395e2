from codecs import BOM_UTF8

from shared.wire.json_codec import encode_json
from tests.shared.scheduler.scheduler_stack import JOB, JOBS, Stack


async def test_what_get_answered_can_be_put_back(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)
    shown = await ready.call("GET", f"{JOBS}/a")

    put = await ready.call("PUT", f"{JOBS}/a", shown.body)
    posted = await ready.call("POST", JOBS, JOB | {"status": shown.json()["status"]})

    assert (put.status, put.json()) == (200, shown.json())
    assert posted.status == 201
    assert posted.json()["status"] == shown.json()["status"]


async def test_a_patch_with_a_status_is_refused(ready: Stack) -> None:
    await ready.call("PUT", f"{JOBS}/a", JOB)

    refused = await ready.call("PATCH", f"{JOBS}/a", {"status": {}, "state": "disabled"})

    assert refused.status == 400
    assert refused.json()["error"]["message"] == "$.status: is read-only"


async def test_jobs_and_patches_are_read_behind_a_byte_order_mark(ready: Stack) -> None:
    made = await ready.call("PUT", f"{JOBS}/a", BOM_UTF8 + encode_json(JOB))
    patched = await ready.call("PATCH", f"{JOBS}/a", BOM_UTF8 + b'{"state":"disabled"}')

    assert (made.status, patched.status) == (201, 200)
    assert patched.json()["state"] == "disabled"
