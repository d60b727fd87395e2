from datetime import timedelta

from shared.messaging.amqp.engine.timer import Timer
from tests.clocks import FakeClock, settle

SECOND = timedelta(seconds=1)


async def test_what_was_armed_last_is_called_once() -> None:
    clock, called = FakeClock(), list[str]()
    timer = Timer(clock)

    timer.arm(SECOND, lambda: called.append("first"))
    timer.arm(2 * SECOND, lambda: called.append("second"))
    await settle()
    await clock.advance(10 * SECOND)

    assert called == ["second"]


async def test_a_callback_may_arm_the_timer_again() -> None:
    clock, called = FakeClock(), list[int]()
    timer = Timer(clock)

    def again() -> None:
        called.append(len(called))
        timer.arm(SECOND, again)

    timer.arm(SECOND, again)
    await settle()
    for _ in range(3):
        await clock.advance(SECOND)
    timer.disarm()
    await clock.advance(SECOND)

    assert called == [0, 1, 2]
