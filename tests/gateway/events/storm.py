"""Appends events from several tasks and prints each id once it is acknowledged: FOLDER COUNT NAME.

Ids are NAME.0, NAME.1 and so on, in batches of one to twenty. The item says which batch, and of how many.
"""

import asyncio
import os
import random
import sys
from itertools import islice
from pathlib import Path

from gateway.events.sqlite_log import SqliteEventLog
from tests.gateway.events.samples import Clock, event

TASKS = 8
# A pipe that nobody reads is full after a thousand such lines: the storm cannot run ahead of its reader.
WIDTH = 63


async def main(folder: Path, count: int, name: str) -> None:
    log = SqliteEventLog(folder, clock=Clock())
    numbers, sizes = iter(range(count)), random.Random(name)

    async def send() -> None:
        while batch := list(islice(numbers, sizes.randint(1, 20))):
            ids = [f"{name}.{number}" for number in batch]
            await log.append([event(event_id, item_id=f"{ids[0]}:{len(ids)}") for event_id in ids])
            os.write(1, "".join(f"{event_id:<{WIDTH}}\n" for event_id in ids).encode())

    await asyncio.gather(*(send() for _ in range(TASKS)))
    await log.close()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
