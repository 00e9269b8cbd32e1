"""How many questions are asked at a time: as many as are answered in time."""

import asyncio

import grpc
import pytest

from gateway.admission import Admission, NoRoomError
from serving.client import DeadlineError, UnavailableError

SECONDS = 60.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(clock):
    return Admission(SECONDS, clock)


async def _answer():
    return "answer"


async def _late():
    raise DeadlineError(grpc.StatusCode.DEADLINE_EXCEEDED, "late")


async def _filled(admission, question, number=None):
    """Asks as often as there is room, at the same time; what came."""
    number = number or admission.limit
    go = asyncio.Event()

    async def waiting():
        await go.wait()
        return await question()

    asked = [asyncio.ensure_future(admission.ask(waiting, SECONDS)) for _ in range(number)]
    await asyncio.sleep(0)
    go.set()
    return await asyncio.gather(*asked, return_exceptions=True)


def test_there_is_room_for_so_many_and_again_when_they_are_answered(admission):
    async def check():
        for _ in range(3):
            limit = admission.limit
            answers = await _filled(admission, _answer, limit + 5)
            assert answers[:limit] == ["answer"] * limit
            assert [type(one) for one in answers[limit:]] == [NoRoomError] * 5

    asyncio.run(check())


def test_what_has_no_time_left_is_not_asked(admission):
    async def check():
        for seconds in (0.0, -1.0):
            with pytest.raises(NoRoomError):
                await admission.ask(pytest.fail, seconds)

    asyncio.run(check())


def test_answers_that_are_late_together_halve_the_room_once(admission, clock):
    async def check():
        room = [admission.limit]
        for _ in range(12):
            assert {type(one) for one in await _filled(admission, _late)} == {DeadlineError}
            room.append(admission.limit)
            clock.seconds += SECONDS
        assert room[:5] == [32, 16, 8, 4, 2]
        assert room[-1] == 2  # so that it is seen when they are well again

    asyncio.run(check())


def test_an_answer_that_never_comes_is_late(clock):
    admission = Admission(0.05, clock)

    async def check():
        with pytest.raises(asyncio.TimeoutError):
            await admission.ask(asyncio.Event().wait, 0.05)
        assert admission.limit == 16
        assert await admission.ask(_answer, SECONDS) == "answer"

    asyncio.run(check())


def test_the_room_grows_while_it_is_used_and_not_otherwise(admission):
    async def check():
        for _ in range(100):
            await admission.ask(_answer, SECONDS)
        assert admission.limit == 32
        for _ in range(100):
            await _filled(admission, _answer)
        assert admission.limit > 80

    asyncio.run(check())


def test_what_fails_otherwise_changes_nothing(admission):
    async def gone():
        raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "gone")

    async def check():
        assert {type(one) for one in await _filled(admission, gone)} == {UnavailableError}
        assert admission.limit == 32
        assert set(await _filled(admission, _answer)) == {"answer"}

    asyncio.run(check())


def test_models_that_do_one_after_the_other_are_asked_for_what_they_can_do():
    """Of ten times as much, they do as much in time as without the rest: all the same, none would be."""
    each, capacity = 1.0, 10  # seconds of an answer, answers in time

    class Time:
        """Goes on by one answer a turn."""

        now = 0.0

    admission = Admission(each * capacity, lambda: Time.now)

    async def check():
        in_time = asked = 0
        line, turns = [], 400
        for _ in range(turns):
            for _ in range(10):  # ten come in
                entry = [Time.now, asyncio.get_running_loop().create_future()]

                async def question(entry=entry):
                    line.append(entry)
                    return await entry[1]

                task = asyncio.ensure_future(admission.ask(question, SECONDS))
                task.add_done_callback(lambda one: one.exception())
                asked += 1
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            Time.now += each
            if line:
                since, future = line.pop(0)
                if Time.now - since <= each * capacity:
                    future.set_result("answer")
                    in_time += 1
                else:
                    future.set_exception(DeadlineError(grpc.StatusCode.DEADLINE_EXCEEDED, "late"))
            for _ in range(3):
                await asyncio.sleep(0)
        assert asked == 10 * turns
        assert in_time > 0.7 * turns

    asyncio.run(check())
