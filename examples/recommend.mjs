// Recommendations over REST with Node 18 or newer, without any package.
//   node examples/recommend.mjs [USER_ID [K [URL]]]

const [userId = '196', k = '10', url = 'http://127.0.0.1:8501'] = process.argv.slice(2);
const ATTEMPTS = 4;
const BUSY = new Set([429, 503]);

// REST knows no defaults: every input is named. Each has one row a request.
const request = {
  signature_name: 'for_users',
  inputs: {
    user_id: [userId],
    timestamp: [0], // now
    k: [Number(k)],
    exclude_item_ids: [[]],
    filter_seen: [true],
    allow_categories: [[]],
    deny_categories: [[]],
    diversity: [0.0],
    exploration: [0.0],
    seed: [0],
    explain: [true],
  },
};

async function predict(model, body) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${url}/v1/models/${model}:predict`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) return (await response.json()).outputs;
    const message = await response.text();
    if (!BUSY.has(response.status) || attempt === ATTEMPTS) throw new Error(`${response.status}: ${message}`);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * 2 ** attempt));
  }
}

try {
  const outputs = await predict('recommender', request);
  outputs.rank[0].forEach((rank, place) => {
    if (rank > 0) console.log(`${rank}\t${outputs.item_ids[0][place]}\t${outputs.titles[0][place]}`);
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
