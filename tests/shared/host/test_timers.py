import asyncio
from datetime import datetime, timedelta

import azure.functions as func

from shared.messaging.embedded.broker import EmbeddedBroker
from tests.clocks import START, FakeClock, settle
from tests.shared.host.hosting import indexed, make_host, running

MINUTE = timedelta(minutes=1)


async def test_runs_at_each_occurrence(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, seen = func.FunctionApp(), list[tuple[datetime, dict[str, str], bool]]()

    @app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
    async def tick(timer: func.TimerRequest) -> None:
        seen.append((clock.now(), timer.schedule_status, timer.past_due))  # type: ignore[attr-defined] # only the real one has it

    async with running(app, broker=broker, clock=clock):
        await settle()
        for _ in range(11):
            await clock.advance(MINUTE)

    assert [instant for instant, _, _ in seen] == [START + 5 * MINUTE, START + 10 * MINUTE]
    assert seen[1][1]["Last"] == (START + 5 * MINUTE).isoformat()
    assert seen[1][1]["Next"] == (START + 15 * MINUTE).isoformat()
    assert not any(past_due for _, _, past_due in seen)


async def test_runs_on_startup_only_if_asked(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, seen = func.FunctionApp(), list[str]()

    @app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *", run_on_startup=True)
    def asked(timer: func.TimerRequest) -> None:
        seen.append("asked")

    @app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
    async def not_asked(timer: func.TimerRequest) -> None:
        seen.append("not asked")

    host = make_host(indexed(app), broker=broker, clock=clock)
    await host.start()
    await settle()
    await host.stop(grace=timedelta(seconds=5))

    assert seen == ["asked"]


async def test_a_timer_never_overlaps_itself(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, gate, started = func.FunctionApp(), asyncio.Event(), list[datetime]()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    async def slow(timer: func.TimerRequest) -> None:
        started.append(clock.now())
        await gate.wait()

    async with running(app, broker=broker, clock=clock):
        await settle()
        for _ in range(4):
            await clock.advance(MINUTE)
        gate.set()
        await settle()
        await clock.advance(MINUTE)

    assert started == [START + MINUTE, START + 5 * MINUTE]


async def test_a_timer_runs_on_while_the_clock_is_an_hour_behind(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    app, runs = func.FunctionApp(), list[datetime]()

    @app.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")
    async def sweep(timer: func.TimerRequest) -> None:
        runs.append(clock.now())

    async with running(app, broker=broker, clock=clock):
        await settle()
        clock.set(START - timedelta(hours=1))
        await clock.advance(2 * MINUTE)

    assert runs[-1] == START - timedelta(hours=1) + 2 * MINUTE
    assert len(runs) >= 3


async def test_a_failing_timer_runs_again(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, runs = func.FunctionApp(), list[datetime]()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    async def failing(timer: func.TimerRequest) -> None:
        runs.append(clock.now())
        raise RuntimeError("broken")

    async with running(app, broker=broker, clock=clock):
        await settle()
        await clock.advance(MINUTE)
        await clock.advance(MINUTE)

    assert len(runs) == 2


async def test_stop_ends_a_waiting_timer_at_once(broker: EmbeddedBroker, clock: FakeClock) -> None:
    app, runs = func.FunctionApp(), list[datetime]()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    async def tick(timer: func.TimerRequest) -> None:
        runs.append(clock.now())

    host = make_host(indexed(app), broker=broker, clock=clock)
    await host.start()
    await settle()
    await host.stop(grace=MINUTE)
    await clock.advance(MINUTE)

    assert runs == []
