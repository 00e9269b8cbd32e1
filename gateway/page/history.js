import { ask } from "./api.js";
import { byId, element } from "./dom.js";

const DONE = { click: "opened", like: "liked", rating: "rated", purchase: "bought", dismiss: "dismissed", dwell: "looked at" };

/** Shows what a user did: since the models were made, and before. */
export async function showHistory(user, label, titles) {
  const answer = await ask("v1/people/history", { user_id: user, label });
  const recent = answer.recent.map((event) => [titles.get(event.item_id) ?? event.item_id, did(event)]);
  const learnt = answer.items.map((item) => [item.title || item.item_id, item.value === null ? "" : figure(item.value)]);
  byId("known").textContent = answer.known
    ? "The newest first; the models know this user."
    : "The models do not know this user: what is done here is all that counts.";
  byId("past").replaceChildren(
    ...[...recent, ...learnt].map(([title, words]) =>
      element("li", {}, element("span", { dir: "auto" }, title), " ", element("span", { class: "did" }, words)),
    ),
  );
}

function did(event) {
  const value = event.kind === "rating" ? ` ${figure(event.value)}` : "";
  return `${DONE[event.kind]}${value}`;
}

function figure(value) {
  return String(Math.round(value * 100) / 100);
}
