"""Appends until no file may grow any more, and again when it may: FOLDER.

Prints the ids that were acknowledged, the one that was refused, and the answer to an event after that.
"""

import asyncio
import resource
import sys
from pathlib import Path

from gateway.events.event_log import EventLogError
from gateway.events.sqlite_log import SqliteEventLog
from tests.gateway.events.samples import Clock, event

LARGEST = 300_000


async def main() -> None:
    log = SqliteEventLog(Path(sys.argv[1]), clock=Clock())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, hard))
    acknowledged, refused = [], ""
    while not refused:
        ids = [f"e{len(acknowledged) + number}" for number in range(20)]
        try:
            await log.append([event(event_id) for event_id in ids])
            acknowledged += ids
        except EventLogError:
            refused = ids[0]
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    after = await log.append([event("after")])
    await log.close()
    print(*acknowledged)  # noqa: T201
    print(refused)  # noqa: T201
    print(after.accepted, after.duplicates)  # noqa: T201


asyncio.run(main())
