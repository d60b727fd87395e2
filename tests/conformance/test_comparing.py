"""What a replay would notice, and what it would let pass."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.conformance.comparing import Ids, Mismatch, mismatches
from tests.conformance.differences import FRACTION_OF_NOW
from tests.conformance.recordings import Exchange, load
from tests.shared.scheduler.scheduler_stack import Reply

ONE, TWO, OURS, OTHER = ("11" * 16, "22" * 16, "aa" * 16, "bb" * 16)
DASHED = "22222222-2222-2222-2222-222222222222"
HEADERS = {"Cache-Control": "no-cache", "x-ms-request-id": ONE, "Server": "1.0", "X-Other": "y"}
JOB = {"id": "a", "state": "enabled", "status": {"count": 1}, "list": [1, 2]}
RESOURCE = '<R xmlns="n"><A>\r\n  <B>b</B></A><C x="1" /></R>'


def recorded(answer: str = "", **headers: str) -> Exchange:
    found = {name.lower(): value for name, value in {**HEADERS, **headers}.items()}
    return Exchange(
        method="GET", target="/", status=200, answer_headers=found, answer=answer.encode()
    )


def reply(
    body: str = "", *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> Reply:
    ours = {"cache-control": "no-cache", "x-ms-request-id": OURS, "server": "2.0", **headers}
    return Reply(status, [(name.lower(), value) for name, value in ours.items()], body.encode())


def where(one: Exchange, other: Reply) -> list[str]:
    return [mismatch.where for mismatch in mismatches(one, other, Ids({}))]


def test_equal_answers_have_no_mismatch() -> None:
    assert (
        where(recorded(RESOURCE), reply(RESOURCE.replace("\r\n  ", "").replace(" />", "/>"))) == []
    )
    assert where(recorded(json.dumps(JOB, indent=2)), reply(json.dumps(JOB))) == []
    assert where(recorded(DASHED), reply(DASHED)) == []


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        (JOB | {"state": "disabled"}, "$.state"),
        (JOB | {"status": {"count": "1"}}, "$.status.count"),
        (JOB | {"status": {"count": True}}, "$.status.count"),
        (JOB | {"list": [1]}, "$.list"),
        (JOB | {"list": [1, 3]}, "$.list[1]"),
        (JOB | {"new": 1}, "$.new"),
        ({"id": "a", "status": {"count": 1}, "list": [1, 2]}, "$.state"),
        ({"state": "enabled", "id": "a", "status": {"count": 1}, "list": [1, 2]}, "$ order"),
        ([], "$"),
    ],
)
def test_another_member_is_noticed(ours: object, place: str) -> None:
    assert where(recorded(json.dumps(JOB)), reply(json.dumps(ours))) == [place]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("<B>b</B>", "<B>c</B>", "$/A/B"),
        ("<B>b</B>", "<b>b</b>", "$/A/B"),
        ("<B>b</B>", "", "$/A"),
        ('x="1"', 'x="2"', "$/C"),
        ('"n"', '"m"', "$"),
        ("</A>", "</A><D/>", "$"),
    ],
)
def test_another_element_is_noticed(old: str, new: str, place: str) -> None:
    assert where(recorded(RESOURCE), reply(RESOURCE.replace(old, new))) == [place]


@pytest.mark.parametrize(
    ("theirs", "ours", "place"),
    [
        ({}, {"cache-control": "public"}, "header cache-control"),
        ({"Pragma": "no-cache"}, {}, "header pragma"),
        ({"ETag": DASHED}, {}, "header etag"),
        ({"ETag": DASHED}, {"ETag": TWO}, "header etag"),
        ({"ETag": DASHED}, {"ETag": f'"{DASHED}"'}, "header etag"),
        ({"x-ms-request-id": DASHED}, {}, "header x-ms-request-id"),
    ],
)
def test_another_header_is_noticed(
    theirs: Mapping[str, str], ours: Mapping[str, str], place: str
) -> None:
    assert where(recorded(**theirs), reply(headers=ours)) == [place]


def test_another_status_is_noticed_and_nothing_more() -> None:
    assert where(recorded(RESOURCE), reply("other", status=404)) == ["status"]


def test_ids_are_matched_one_to_one() -> None:
    ids = Ids({})

    assert ids.is_same(f"x {ONE} {TWO}", f"x {OURS} {OTHER}")
    assert ids.is_same(DASHED, "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb")
    assert not ids.is_same(ONE, OTHER)
    assert not ids.is_same("33" * 16, OURS)
    assert not ids.is_same(ONE, "no id")
    assert ids.translate(f"/{DASHED}/{ONE}/{'44' * 16}") == (
        f"/bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb/{OURS}/{'44' * 16}"
    )


@pytest.mark.parametrize(
    ("place", "ours", "is_excused"),
    [
        ("$[0].status.nextExecutionTime", "2014-06-16T23:01:44Z", True),
        ("$.status.lastExecutionTime", "2014-06-16T23:01:46Z", True),
        ("$.status.nextExecutionTime", "2014-06-16T23:01:47Z", False),
        ("$.status.nextExecutionTime", None, False),
        ("$.startTime", "2014-06-16T23:01:44Z", False),
    ],
)
def test_instants_of_now_may_differ_a_little(
    place: str, ours: str | None, is_excused: bool
) -> None:
    mismatch = Mismatch(place, "2014-06-16T23:01:44.5954124Z", ours)

    assert FRACTION_OF_NOW.excuses(recorded(), mismatch) is is_excused


def test_a_session_comes_in_the_order_of_its_dates_and_polls_after_what_they_ask_about(
    tmp_path: Path,
) -> None:
    def entry(method: str, uri: str, second: int) -> dict[str, object]:
        return {
            "RequestMethod": method,
            "RequestUri": uri,
            "RequestHeaders": {},
            "RequestBody": "",
            "ResponseHeaders": {"Date": [f"Mon, 16 Jun 2014 23:00:0{second} GMT"]},
            "ResponseBody": None,
            "StatusCode": 200,
        }

    poll = f"/s/operations/{ONE}"
    entries = [entry("GET", poll, 2), entry("GET", "/late", 3), entry("PUT", "/b", 2)]
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"Entries": [*entries, entry("GET", "/a", 1)]}), "utf-8-sig")

    assert [one.target for one in load(path)] == ["/a", "/b", poll, "/late"]


@pytest.mark.parametrize("is_packed", [True, False])
def test_sessions_in_yaml_are_read_with_bodies_in_base64_and_gzip(
    tmp_path: Path, is_packed: bool
) -> None:
    answer = b64encode(gzip.compress(b"<A/>") if is_packed else b"<A/>").decode()
    encoding = "content-encoding: [gzip]" if is_packed else "x: [y]"
    path = tmp_path / "session.yaml"
    path.write_text(
        f"""interactions:
- request:
    body: !!binary |
      eyJhIjogMX0=
    headers:
      Content-Type: [application/json]
    method: PUT
    uri: https://host.example/a%20b?c=d
  response:
    body: {{string: !!binary {answer}}}
    headers:
      {encoding}
      Date: ['Tue, 16 Feb 2016 19:06:47 GMT']
    status: {{code: 201, message: Created}}
"""
    )

    (one,) = load(path)

    assert (one.method, one.target, one.body, one.status) == ("PUT", "/a%20b?c=d", b'{"a": 1}', 201)
    assert one.headers == {"content-type": "application/json"}
    assert (one.answer, one.date.year) == (b"<A/>", 2016)
