import { ask } from "./api.js";
import { byId, pairs } from "./dom.js";

const EVERY_MILLISECONDS = 5000;
const NOTHING = "–";

let timer = null;

/** Shows the gateway's figures, and renews them while the page is seen and its reader wants it. */
export function keepFigures(failed) {
  const renew = () => showFigures().catch(failed);
  timer ??= setInterval(() => {
    if (byId("renew").checked && !document.hidden) renew();
  }, EVERY_MILLISECONDS);
  return renew();
}

async function showFigures() {
  const state = await ask("v1/state");
  byId("figures").replaceChildren(
    ...pairs([
      ["Requests", String(state.requests)],
      ["Latency, median", milliseconds(state.p50_ms)],
      ["Latency, p99", milliseconds(state.p99_ms)],
      ["Click rate", state.click_rate === null ? NOTHING : `${(100 * state.click_rate).toFixed(1)} %`],
      ["Lists", counts(state.lists)],
      ["Events", counts(state.events)],
      ["Versions", counts(state.versions) || "the models do not answer"],
      ["Drift", drift(state.drift)],
    ]),
  );
}

function milliseconds(value) {
  return value === null ? NOTHING : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function counts(numbers) {
  const entries = Object.entries(numbers);
  return entries.map(([name, number]) => `${name} ${number}`).join(", ");
}

function drift(lines) {
  if (lines === null) return "was not looked for";
  return lines.length === 0 ? "none" : lines.join("; ");
}
