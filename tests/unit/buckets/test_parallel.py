"""Several requests at a time: all of them, in order, not too many, and the first failure."""

import asyncio

import pytest

from s3gw.buckets import parallel


async def test_the_results_come_in_the_order_of_the_items() -> None:
    async def work(item: int) -> int:
        await asyncio.sleep(0.001 * (10 - item))
        return item * item

    assert await parallel.for_each(range(10), work) == [n * n for n in range(10)]


async def test_nothing_to_do_is_done() -> None:
    async def work(item: int) -> int:
        raise AssertionError(item)

    assert await parallel.for_each([], work) == []


async def test_no_more_than_32_run_at_a_time() -> None:
    running = most = 0

    async def work(item: int) -> None:
        nonlocal running, most
        del item
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await parallel.for_each(range(100), work)
    assert (running, most) == (0, 32)


async def test_the_first_failure_comes_out_as_it_is_and_ends_the_others() -> None:
    failure = ValueError("the first")
    ended = []

    async def work(item: int) -> None:
        if item == 3:
            await asyncio.sleep(0)
            raise failure
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(item)
            raise

    with pytest.raises(ValueError, match="the first") as raised:
        await parallel.for_each(range(5), work)
    assert raised.value is failure
    assert raised.value.__cause__ is None
    assert sorted(ended) == [0, 1, 2, 4]


async def test_a_caller_that_is_cancelled_ends_the_work() -> None:
    ended = []
    began = asyncio.Event()

    async def work(item: int) -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(item)

    task = asyncio.create_task(parallel.for_each([1], work))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1]
