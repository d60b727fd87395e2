import pytest
from hypothesis import given

from shared.errors import InvalidRequestError
from shared.wire.xml_elements import parse_xml, write_element, write_root, write_text
from tests.shared.wire import strategies

BILLION_LAUGHS = b"""<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><Thing>&c;</Thing>"""


@given(strategies.xml_texts)
def test_text_survives(text: str) -> None:
    content = write_root("Thing", write_text("Name", text))

    assert parse_xml(content, "Thing").text("Name") == text


def test_p10_text_that_xml_has_no_form_for_is_replaced() -> None:
    content = write_root("Thing", write_text("Name", "a\x00b\x1bc\uffff"))

    assert parse_xml(content, "Thing").text("Name") == "a\ufffdb\ufffdc\ufffd"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"text",
        b"<Thing>",
        b"<Other/>",
        b"<Thing/><Thing/>",
        b"<Thing>\x00</Thing>",
        b"<Thing>\xff</Thing>",
        b"<Thing>&nbsp;</Thing>",
        b'<?xml version="1.0" encoding="no-such"?><Thing/>',
        b"<Label>A & B</Label>",
        BILLION_LAUGHS,
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Thing/>',
    ],
)
def test_p10_what_is_no_such_document_is_a_fault(content: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_xml(content, "Thing")

    assert caught.value.code == "InvalidXmlRequest"
    assert [fault.path for fault in caught.value.faults] == ["$"]


@pytest.mark.parametrize(
    "content",
    [
        b'<?xml version="1.0" encoding="utf-8" standalone="yes"?><Thing><Name>a</Name></Thing>',
        b'<thing xmlns="http://schemas.microsoft.com/windowsazure"><name>a</name></thing>',
        b'<p:THING xmlns:p="urn:other"><p:NAME>a</p:NAME></p:THING>',
        b"\xef\xbb\xbf<Thing>\r\n  <Name>a</Name>\r\n</Thing>",
        '<?xml version="1.0" encoding="utf-16"?><Thing><Name>a</Name></Thing>'.encode("utf-16"),
        b"\xfe\xff" + "<Thing><Name>a</Name></Thing>".encode("utf-16-be"),
    ],
)
def test_names_match_whatever_their_case_and_namespace(content: bytes) -> None:
    assert parse_xml(content, "Thing").text("Name") == "a"


def test_nil_is_absent_and_empty_is_not() -> None:
    content = write_root("Thing", '<A i:nil="true"/>', "<B></B>", write_element("C", " c "))

    thing = parse_xml(content, "Thing")

    assert (thing.text("A"), thing.text("B"), thing.text("C")) == (None, "", " c ")
    assert (thing.word("A"), thing.word("B"), thing.word("C")) == (None, None, "c")
    assert thing.text("D", "E") is None


def test_nothing_is_written_for_none() -> None:
    assert write_element("A", write_text("B", None), write_text("C", 1)) == "<A><C>1</C></A>"
