"""Several Swift requests at a time, for one S3 request."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

_AT_A_TIME = 32

Item = TypeVar("Item")
Result = TypeVar("Result")


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]]
) -> list[Result]:
    """Do the work for every item, 32 at a time; the results in the order of the items.

    The first exception ends it all and comes out as it is.
    """
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def one(item: Item) -> Result:
        async with slots:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
