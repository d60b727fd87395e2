import pytest

from shared.errors import ConfigurationError
from shared.sealing import Sealer, key_id_of, plain_length

KEYS = {"k1": b"1" * 32, "k2": b"2" * 32}


def test_p8_what_is_sealed_shows_nothing_and_opens_again() -> None:
    sealer = Sealer(KEYS, current="k1")

    sealed = sealer.seal("s3cret", context="operation/1")

    assert "s3cret" not in sealed
    assert sealer.unseal(sealed, context="operation/1") == "s3cret"


def test_two_seals_of_one_text_differ() -> None:
    sealer = Sealer(KEYS, current="k1")

    assert sealer.seal("x", context="c") != sealer.seal("x", context="c")


def test_an_older_key_of_the_ring_still_opens() -> None:
    sealed = Sealer(KEYS, current="k1").seal("x", context="c")

    assert Sealer(KEYS, current="k2").unseal(sealed, context="c") == "x"


@pytest.mark.parametrize("change", ["context", "content", "key", "form", "short", "letters"])
def test_a_sealed_value_that_was_moved_or_altered_is_refused(change: str) -> None:
    sealer = Sealer(KEYS, current="k1")
    sealed = sealer.seal("x", context="c")
    forged = {
        "context": sealed,
        "content": sealed[:-8] + ("A" if sealed[-8] != "A" else "B") + sealed[-7:],
        "key": sealed.replace(".k1.", ".k2."),
        "form": "plain",
        "short": "sealed1.k1.QUJD",
        "letters": "sealed1.k1.ä",
    }[change]

    with pytest.raises(ConfigurationError):
        sealer.unseal(forged, context="other" if change == "context" else "c")


def test_fingerprints_tell_requests_apart_and_survive_a_rotation() -> None:
    before, after = Sealer(KEYS, current="k1"), Sealer(KEYS, current="k2")

    assert before.fingerprint(b"a") == after.fingerprint(b"a")
    assert before.fingerprint(b"a") != before.fingerprint(b"b")


def test_fingerprints_of_another_key_differ() -> None:
    other = Sealer({"k1": b"3" * 32}, current="k1")

    assert other.fingerprint(b"a") != Sealer(KEYS, current="k1").fingerprint(b"a")


def test_p8_a_sealer_shows_no_key() -> None:
    assert "1111" not in repr(Sealer(KEYS, current="k1"))


def test_resealed_text_is_under_the_current_key_and_opens_without_the_old_one() -> None:
    old = Sealer(KEYS, current="k1").seal("s3cret", context="c")

    new = Sealer(KEYS, current="k2").reseal(old, context="c")

    assert (key_id_of(old), key_id_of(new)) == ("k1", "k2")
    assert Sealer({"k2": KEYS["k2"]}, current="k2").unseal(new, context="c") == "s3cret"


def test_what_is_under_the_current_key_is_resealed_to_itself() -> None:
    sealer = Sealer(KEYS, current="k2")
    sealed = sealer.seal("x", context="c")

    assert sealer.reseal(sealed, context="c") == sealed


@pytest.mark.parametrize("sealed", ["plain", "sealed1.k9.QUJD", "sealed1.k1"])
def test_what_cannot_be_opened_is_not_resealed(sealed: str) -> None:
    with pytest.raises(ConfigurationError):
        Sealer(KEYS, current="k2").reseal(sealed, context="c")


@pytest.mark.parametrize(
    "text", ["", "plain", "sealed1", "sealed1.k1", "sealed1..x", "sealed2.k1.x"]
)
def test_other_text_has_no_key(text: str) -> None:
    assert key_id_of(text) is None


def test_older_keys_are_all_but_the_current_one() -> None:
    assert Sealer(KEYS, current="k2").older_keys == {"k1"}


def test_fingerprints_follow_their_own_key_where_there_is_one() -> None:
    one = Sealer(KEYS, current="k1", fingerprint_key=b"f" * 32)
    other = Sealer({"k9": b"9" * 32}, current="k9", fingerprint_key=b"f" * 32)

    assert one.fingerprint(b"a") == other.fingerprint(b"a")
    assert one.fingerprint(b"a") != Sealer(KEYS, current="k1").fingerprint(b"a")


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "é", "x" * 1000])
def test_the_length_of_what_was_sealed_shows_without_a_key(text: str) -> None:
    assert plain_length(Sealer(KEYS, current="k1").seal(text, context="c")) == len(text.encode())
