"""Recommendations for many users at once, over gRPC with our awaited client, which joins their calls.

python examples/recommend_many.py ADDRESS USER_ID...
"""

import asyncio
import sys

from serving.client import AsyncGrpcClient, AsyncRecommenderClient, Controls, MicroBatcher


async def main(address: str, *user_ids: str) -> None:
    """Prints the first three items of each user."""
    async with AsyncGrpcClient(address) as client:
        batcher = MicroBatcher(client, max_batch_size=32, max_delay=0.005, pad_variable_lengths=True)
        recommender = AsyncRecommenderClient(batcher)
        calls = [recommender.recommend_for_user(user_id, Controls(k=3)) for user_id in user_ids]
        for user_id, found in zip(user_ids, await asyncio.gather(*calls), strict=True):
            print(user_id, *(item.item_id for item in found.items), sep="\t")
        await batcher.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
