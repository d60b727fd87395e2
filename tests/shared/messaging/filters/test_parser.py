"""What SQL filters are read as, and what is said of a text that is none."""

from pathlib import Path

import pytest
from hypothesis import assume, given

from shared.errors import InvalidFilterError
from shared.messaging.filters.cursor import MAX_DEPTH
from shared.messaging.filters.parser import MAX_LENGTH, parse
from shared.messaging.filters.syntax import (
    AllOf,
    AnyOf,
    Arithmetic,
    Comparison,
    Constant,
    Existence,
    Expression,
    Likeness,
    Membership,
    NamedProperty,
    Negation,
    Negative,
    NullCheck,
    Positive,
    Predicate,
    SystemProperty,
    UserProperty,
)
from shared.messaging.filters.system_properties import SPELLED, SYSTEM_PROPERTIES
from tests.shared.messaging.filters.trees import predicates, printed

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "embedded-broker.md"
A, B, C = (
    Comparison(UserProperty(name), "=", Constant(number))
    for number, name in enumerate(("a", "b", "c"), 1)
)
ONE, TWO, THREE = Constant(1), Constant(2), Constant(3)


@given(predicates())
def test_what_is_written_of_a_tree_is_read_as_it(tree: Predicate) -> None:
    text = printed(tree)
    assume(len(text) <= MAX_LENGTH)

    assert repr(parse(text)) == repr(tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1 OR b=2 AND c=3", AnyOf((A, AllOf((B, C))))),
        ("(a=1 OR b=2) AND c=3", AllOf((AnyOf((A, B)), C))),
        ("NOT a=1 AND b=2", AllOf((Negation(A), B))),
        ("NOT (a=1 AND b=2)", Negation(AllOf((A, B)))),
        ("not not a = 1", Negation(Negation(A))),
        ("a=1 or b=2 or c=3", AnyOf((A, B, C))),
        ("((a)) = ((1))", A),
        ("a != 1", Comparison(UserProperty("a"), "<>", ONE)),
        ("a NOT IN (1, 2)", Negation(Membership(UserProperty("a"), (ONE, TWO)))),
        ("a LIKE 'x'", Likeness(UserProperty("a"), Constant("x"), None)),
        ("a not like 'x' escape '!'",
         Negation(Likeness(UserProperty("a"), Constant("x"), Constant("!")))),
        ("a IS NULL", NullCheck(UserProperty("a"))),
        ("sys.To is not null", Negation(NullCheck(SystemProperty("to")))),
        ("EXISTS(user.a)", Existence(UserProperty("a"))),
    ],
)  # fmt: skip
def test_predicates(text: str, tree: Predicate) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1+2*3", Arithmetic(ONE, (("+", Arithmetic(TWO, (("*", THREE),))),))),
        ("(1+2)*3", Arithmetic(Arithmetic(ONE, (("+", TWO),)), (("*", THREE),))),
        ("1-2-3", Arithmetic(ONE, (("-", TWO), ("-", THREE)))),
        ("1-(2-3)", Arithmetic(ONE, (("-", Arithmetic(TWO, (("-", THREE),))),))),
        ("1%2/3", Arithmetic(ONE, (("%", TWO), ("/", THREE)))),
        ("-1", Negative(ONE)),
        ("- + 1", Negative(Positive(ONE))),
        ("1--2", Arithmetic(ONE, (("-", Negative(TWO)),))),
        ("1894", Constant(1894)),
        ("9223372036854775807", Constant(2**63 - 1)),
        ("1894.1204", Constant(1894.1204)),
        ("2.0", Constant(2.0)),
        (".5", Constant(0.5)),
        ("101.5E5", Constant(101.5e5)),
        ("0.5e-2", Constant(0.005)),
        ("true", Constant(True)),
        ("NULL", Constant(None)),
        ("'it''s'", Constant("it's")),
        ("''", Constant("")),
        ("'a\n\"é𝄞'", Constant('a\n"é𝄞')),
        ("Größe_2", UserProperty("Größe_2")),
        ("[Property With Space]", UserProperty("Property With Space")),
        ("[HR-EmployeeID]", UserProperty("HR-EmployeeID")),
        ("[a]]b]", UserProperty("a]b")),
        ('"Contoso & Northwind"', UserProperty("Contoso & Northwind")),
        ('"a""b"', UserProperty('a"b')),
        ("USER . [in]", UserProperty("in")),
        ("sys", UserProperty("sys")),
        ("p", UserProperty("p")),
        ("SYS.ReplyToSessionID", SystemProperty("replytosessionid")),
        ('sys."Label"', SystemProperty("label")),
        ("sys.[Subject]", SystemProperty("subject")),
        ("property('a' + 'b')", NamedProperty(Arithmetic(Constant("a"), (("+", Constant("b")),)))),
        ("P(a)", NamedProperty(UserProperty("a"))),
    ],
)
def test_expressions(text: str, expression: Expression) -> None:
    # By their repr, as 1, 1.0 and TRUE are equal to Python.
    assert repr(parse(f"{text} > 0")) == repr(Comparison(expression, ">", Constant(0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "position 1: found the end, expected a value or a property"),
        ("  ", "position 3: found the end, expected a value or a property"),
        ("flag", "position 5: found the end, expected a comparison: one of"),
        ("NOT flag AND a=1", "position 10: found AND, expected a comparison"),
        ("a=1 AND b", "position 10: found the end, expected a comparison"),
        ("a=1 OR (b) OR c=1", "position 12: found OR, expected a comparison"),
        ("a=1 b=2", "position 5: found b, expected AND, OR or the end"),
        ("a=1;", "position 4: found ;, expected AND, OR or the end"),
        ("(a=1)=TRUE", "position 6: found =, expected AND, OR or the end"),
        ("1 = (a=1)", "position 5: found (, expected a value or a property, not a comparison"),
        ("1 + (a=1) = 2", "position 5: found (, expected a value or a property, not a comp"),
        ("-(a=1) = 2", "position 2: found (, expected a value or a property, not a comparison"),
        ("a =", "position 4: found the end, expected a value"),
        ("a == 1", "position 4: found =, expected a value"),
        ("= 1", "position 1: found =, expected a value"),
        ("(a=1", "position 5: found the end, expected )"),
        ("a IN 1", "position 6: found 1, expected ("),
        ("a IN ()", "position 7: found ), expected a value"),
        ("a IN (1 2)", "position 9: found 2, expected )"),
        ("a NOT = 1", "position 7: found =, expected IN or LIKE"),
        ("a LIKE 'x' ESCAPE 'ab'", "position 19: found 'ab', expected a text of one character"),
        ("a LIKE 'x' ESCAPE ''", "position 19: found '', expected a text of one character"),
        ("a LIKE 'x' ESCAPE 1", "position 19: found 1, expected a text of one character"),
        ("a IS 1", "position 6: found 1, expected NULL"),
        ("1 IS NULL", "position 3: found IS, expected a comparison; IS NULL is for properties"),
        ("p('a') IS NULL", "position 8: found IS, expected a comparison; IS NULL is for prop"),
        ("EXISTS a", "position 8: found a, expected ("),
        ("EXISTS(1)", "position 8: found 1, expected the name of a property"),
        ("EXISTS(a", "position 9: found the end, expected )"),
        ("in = 1", "position 1: found in, expected a value"),
        ("user.like = 'a'", "position 6: found like, expected the name of a property; in [ ]"),
        ("user. = 1", "position 7: found =, expected the name of a property"),
        ("_a = 1", "position 1: found _a = 1, expected a word of the language"),
        ("order.total = 1", "position 1: found order, expected sys or user before a point"),
        ("[sys].Label = 1", "position 6: found ., expected a comparison"),
        ("sys.Size > 1", "position 5: found Size, expected a system property that filters know: C"),
        ("lower(a) = 'x'", "position 1: found lower, expected a function: newid, property or p"),
        ("newid(1) = 1", "position 7: found 1, expected )"),
        ("property() = 1", "position 10: found ), expected a value"),
        ("a = @p", "position 5: found @, expected a value: parameters are not supported"),
        ("a = 'x", "position 5: found 'x, expected the ' that ends the text"),
        ("a = 'it''s", "position 5: found 'it''s, expected the ' that ends the text"),
        ("[] = 1", "position 1: found [] = 1, expected a name and ]"),
        ("[a = 1", "position 1: found [a = 1, expected a name and ]"),
        ('"a = 1', 'position 1: found "a = 1, expected a name and "'),
        (
            "a = 9223372036854775808",
            "position 5: found 9223372036854775808, expected an integer up",
        ),
        ("a = 1e999", "position 5: found 1e999, expected a number that a double can hold"),
        ("a = 1E", "position 6: found E, expected AND, OR or the end"),
        ("a = 1.2.3", "position 8: found .3, expected AND, OR or the end"),
        ("a = ٣", "position 5: found ٣, expected a word of the language"),
        (f"a = {'b' * 100} c", "position 106: found c, expected AND"),
        (f"a = 1 {'b' * 100}", f"position 7: found {'b' * 40}…, expected AND"),
    ],
)
def test_a_text_that_is_no_filter_is_refused_where_it_goes_wrong(text: str, message: str) -> None:
    with pytest.raises(InvalidFilterError) as raised:
        parse(text)

    assert raised.value.message.startswith(message)


@pytest.mark.parametrize(
    ("start", "opening", "inner", "closing"),
    [
        ("", "(", "1=1", ")"),
        ("", "NOT ", "1=1", ""),
        ("1=", "(", "1", ")"),
        ("1=", "-", "1", ""),
        ("1=", "property(", "1", ")"),
    ],
)
def test_depth_has_a_limit_far_below_that_of_python(
    start: str, opening: str, inner: str, closing: str
) -> None:
    parse(f"{start}{opening * MAX_DEPTH}{inner}{closing * MAX_DEPTH}")

    with pytest.raises(InvalidFilterError, match=f"nested more than {MAX_DEPTH} levels"):
        parse(f"{start}{opening * (MAX_DEPTH + 1)}{inner}{closing * (MAX_DEPTH + 1)}")


def test_length_has_a_limit_and_chains_of_that_length_none() -> None:
    longest = "+".join("1" * (MAX_LENGTH // 2 - 1)) + "=1"

    parse(longest + " " * (MAX_LENGTH - len(longest)))
    parse(" OR ".join(["1=1"] * 146))

    with pytest.raises(InvalidFilterError, match=f"has {MAX_LENGTH + 1} characters, more than"):
        parse(longest + " " * (MAX_LENGTH + 1 - len(longest)))


def test_the_reference_shows_filters_and_names_every_system_property() -> None:
    page = REFERENCE.read_text()
    examples = page.partition("```sql\n")[2].partition("```")[0].splitlines()

    trees = [parse(example) for example in examples]

    assert len(trees) > 5
    assert f"`sys.` and one of {SPELLED.replace(' or', ',')} |" in page
    assert {name.lower() for name in SPELLED.replace(" or", ",").split(", ")} == (
        SYSTEM_PROPERTIES.keys() - {"scheduledenqueuetime"}
    )
