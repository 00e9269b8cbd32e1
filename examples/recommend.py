"""Recommendations over gRPC with our client.

python examples/recommend.py [USER_ID [K [ADDRESS]]]
"""

import sys

from serving.client import Controls, GrpcClient, RecommenderClient, ServingCallError


def main(user_id: str = "196", k: str = "10", address: str = "127.0.0.1:8500") -> int:
    """Prints a list; 1 if the call failed."""
    with GrpcClient(address) as client:
        try:
            found = RecommenderClient(client).recommend_for_user(user_id, Controls(k=int(k)))
        except ServingCallError as error:
            print(error, file=sys.stderr)
            return 1
    for item in found.items:
        print(item.rank, item.item_id, item.title, sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
