#!/usr/bin/env bash
# Recommendations over REST with curl, as JSON.
#   examples/recommend.sh [USER_ID [K [URL]]]
set -euo pipefail

user=${1:-196}
k=${2:-10}
url=${3:-http://127.0.0.1:8501}

if [[ $user == *[\"\\]* || ! $k =~ ^[0-9]+$ ]]; then
  echo "an id without quotes and backslashes, and a number of items" >&2
  exit 2
fi

# REST knows no defaults: every input is named. Each has one row a request.
curl --silent --show-error --fail-with-body --max-time 10 "$url/v1/models/recommender:predict" --data @- <<JSON
{
  "signature_name": "for_users",
  "inputs": {
    "user_id": ["$user"],
    "timestamp": [0],
    "k": [$k],
    "exclude_item_ids": [[]],
    "filter_seen": [true],
    "allow_categories": [[]],
    "deny_categories": [[]],
    "diversity": [0.0],
    "exploration": [0.0],
    "seed": [0],
    "explain": [true]
  }
}
JSON
echo
