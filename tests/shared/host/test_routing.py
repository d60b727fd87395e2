import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.host.routing import RouteTable


def table(*templates: str) -> RouteTable[str]:
    routes: RouteTable[str] = RouteTable()
    for template in templates:
        routes.add(template, ["GET"], template)
    return routes


@pytest.mark.parametrize(
    ("template", "path", "params"),
    [
        ("api/jobs", "/api/jobs", {}),
        ("api/Jobs", "/API/jOBS", {}),
        ("api/jobs", "/api/jobs/", {}),
        ("/api/jobs", "/api/jobs", {}),
        ("api/jobs/{job}", "/api/jobs/nightly", {"job": "nightly"}),
        ("api/jobs/{job}", "/api/jobs/n%20%C3%A4", {"job": "n ä"}),
        ("api/jobs/{job}", "/%61pi/jobs/a%2Fb%2fc", {"job": "a%2Fb%2fc"}),
        ("api/{n:int}", "/api/-12", {"n": "-12"}),
        ("api/{n?}", "/api/x", {"n": "x"}),
        ("api/{n?}", "/api", {}),
        ("api/{n:int?}", "/api/7", {"n": "7"}),
        ("api/{*rest}", "/api/a/b%20c//d", {"rest": "a/b c//d"}),
        ("api/{**rest}", "/api/a", {"rest": "a"}),
        ("api/{*rest}", "/api", {}),
        ("{*rest}", "/", {}),
        ("a/{x}/b/{y}", "/a/1/b/2", {"x": "1", "y": "2"}),
    ],
)
def test_path_matches(template: str, path: str, params: dict[str, str]) -> None:
    assert table(template).match("GET", path) == (template, params)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("api/jobs", "/api"),
        ("api/jobs", "/api/jobs/x"),
        ("api/jobs/{job}", "/api/jobs/"),
        ("api/jobs/{job}/x", "/api/jobs//x"),
        ("api/{n:int}", "/api/x"),
        ("api/{n:guid}", "/api/7"),
        ("api/{n?}", "/api/x/y"),
        ("api", "//api"),
    ],
)
def test_path_does_not_match(template: str, path: str) -> None:
    assert table(template).match("GET", path) is None


def test_literals_win_over_constrained_over_plain_over_catch_all() -> None:
    routes = table("jobs/{*rest}", "jobs/{job}", "jobs/{number:int}", "jobs/special")

    found = [
        routes.match("GET", path) for path in ("/jobs/special", "/jobs/7", "/jobs/x", "/jobs/x/y")
    ]

    assert [match[0] for match in found if match] == [
        "jobs/special",
        "jobs/{number:int}",
        "jobs/{job}",
        "jobs/{*rest}",
    ]


def test_a_literal_that_leads_nowhere_gives_way() -> None:
    routes = table("jobs/special/state", "jobs/{job}/history", "jobs/{*rest}")

    assert routes.match("GET", "/jobs/special/history") == (
        "jobs/{job}/history",
        {"job": "special"},
    )
    assert routes.match("GET", "/jobs/special/other") == ("jobs/{*rest}", {"rest": "special/other"})


def test_methods_share_a_path_under_their_own_names() -> None:
    routes: RouteTable[str] = RouteTable()
    routes.add("jobs/{job}", ["PUT", "delete"], "change")
    routes.add("jobs/{id}", ["GET"], "read")

    assert routes.match("PUT", "/jobs/a") == ("change", {"job": "a"})
    assert routes.match("DELETE", "/jobs/a") == ("change", {"job": "a"})
    assert routes.match("GET", "/jobs/a") == ("read", {"id": "a"})
    assert routes.match("PATCH", "/jobs/a") is None


def test_a_wrong_method_leaves_the_path_to_a_wider_route() -> None:
    routes: RouteTable[str] = RouteTable()
    routes.add("jobs/a", ["PUT"], "narrow")
    routes.add("jobs/{job}", [], "wide")

    assert routes.match("GET", "/jobs/a") == ("wide", {"job": "a"})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("jobs/{a}", ["GET"]), ("JOBS/{b}", ["get", "PUT"])),
        (("jobs", []), ("jobs", ["GET"])),
        (("jobs", ["GET"]), ("jobs", [])),
        (("jobs/{a?}", ["GET"]), ("jobs", ["GET"])),
        (("{*a}", ["GET"]), ("{*b}", ["GET"])),
    ],
)
def test_routes_that_answer_the_same_collide(
    first: tuple[str, list[str]], second: tuple[str, list[str]]
) -> None:
    routes: RouteTable[str] = RouteTable()
    routes.add(*first, "first")

    with pytest.raises(ValueError, match="collides with that of first"):
        routes.add(*second, "second")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("a{b}", "not supported"),
        ("{b}.json", "not supported"),
        ("{b=1}", "not supported"),
        ("{b:regex(x)}", "not supported"),
        ("{b:length}", "constraint 'length' is not supported"),
        ("{*all}/x", "must be its last segment"),
        ("{a?}/x", "must be its last segment"),
        ("{a}/{A}", "twice"),
    ],
)
def test_unsupported_template_is_refused(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        table(template)


SEGMENTS = st.text("abAB1/-.%20", max_size=12)


@given(SEGMENTS)
def test_a_catch_all_takes_every_path_and_nothing_raises(path: str) -> None:
    routes = table("a/b", "a/{x:int}/b", "{x}/{y?}", "{*rest}")

    assert routes.match("GET", f"/{path}") is not None
