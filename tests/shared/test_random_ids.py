import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from shared.random_ids import DIGITS, IDS_AT_ONCE, new_hex_id, new_id


def test_an_id_is_a_uuid_of_version_4() -> None:
    for _ in range(1000):
        text, digits = new_id(), new_hex_id()

        assert str(UUID(text)) == text
        assert UUID(digits).hex == digits
        assert {UUID(text).version, UUID(digits).version} == {4}
        assert {UUID(text).variant, UUID(digits).variant} == {RFC_4122}


def test_every_free_digit_takes_every_value() -> None:
    seen = [set(column) for column in zip(*(new_hex_id() for _ in range(2000)), strict=True)]

    assert {len(values) for place, values in enumerate(seen) if place not in (12, 16)} == {16}
    assert (seen[12], seen[16]) == ({"4"}, set("89ab"))


def test_no_two_threads_get_the_same() -> None:
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda _: [new_id() for _ in range(2000)], range(8)))

    assert len({each for part in parts for each in part}) == 16_000


def test_a_forked_process_has_ids_of_its_own() -> None:
    new_id()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_hex_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, DIGITS).decode()
    os.close(reading)
    os.close(writing)

    assert theirs not in {new_hex_id() for _ in range(IDS_AT_ONCE)}
