import { ask, useKey } from "./api.js";
import { cardOf, nameOf } from "./cards.js";
import { keepFigures } from "./dashboard.js";
import { byId, element } from "./dom.js";
import { Impressions, eventOf, randomId, send } from "./events.js";
import { showHistory } from "./history.js";

const SAID = { like: "Liked", purchase: "Bought", rating: "Rated", dismiss: "Dismissed" };
const SOURCES = {
  model: "made by the models",
  cache: "made by the models a moment ago",
  popular: "popular items, since the models do not answer",
};

const titles = new Map(); // of what was listed, for the history
const impressions = new Impressions(failed);
let options = null;
let user = "";
let wish = null; // what the list is of: its path, what is asked, its title
let list = null;
let newest = 0;

/** Says what went wrong, once; what goes wrong again and again must neither be read out again nor move the focus. */
function failed(error) {
  const trouble = byId("trouble");
  if (trouble.textContent !== error.message) trouble.textContent = error.message;
  if (error.status !== 401 || !byId("key").hidden) return;
  byId("key").hidden = false;
  byId("key-title").focus();
}

/** Runs what a form or a button starts, and says what went wrong. */
async function attempt(act) {
  byId("trouble").textContent = "";
  try {
    await act();
  } catch (error) {
    failed(error);
  }
}

function label() {
  return byId("version").value || null;
}

const ofUser = () => ({ path: "user", asked: {}, title: `Recommended to ${user}` });

/** Asks for the list that is wished for; an answer that was overtaken by a newer wish is dropped. */
async function load() {
  const number = ++newest;
  byId("list").setAttribute("aria-busy", "true");
  try {
    const question = { ...wish.asked, user_id: user, label: label() };
    const answer = await ask(`v1/recommendations/${wish.path}`, question);
    if (number !== newest) return [];
    return show({ ...answer, user });
  } finally {
    if (number === newest) byId("list").setAttribute("aria-busy", "false");
  }
}

/** Shows a list; returns the items that the list before did not have. */
function show(answer) {
  const before = list && list.user === user ? new Set(list.items.map((item) => item.item_id)) : null;
  const fresh = before ? answer.items.filter((item) => !before.has(item.item_id)) : [];
  list = answer;
  document.querySelectorAll(".said").forEach((note) => note.remove());
  answer.items.forEach((item) => titles.set(item.item_id, nameOf(item)));
  byId("list-title").textContent = wish.title;
  const version = answer.model_version === null ? "" : `, version ${answer.model_version}`;
  const known = answer.known === false ? "; the models do not know this user" : "";
  byId("origin").textContent =
    answer.items.length > 0 ? `${counted(answer.items.length)} ${SOURCES[answer.source]}${version}${known}` : "Nothing was found.";
  byId("back").hidden = wish.path === "user";
  const act = (kind, item, more) => react(kind, item, answer, more);
  const cards = answer.items.map((item) => cardOf(item, options, fresh.includes(item), act));
  byId("cards").replaceChildren(...cards);
  impressions.watch(cards, answer);
  return fresh;
}

function counted(number) {
  return number === 1 ? "1 item" : `${number} items`;
}

/** Shows another list, and leads readers there. */
async function turnTo(next, leads = true) {
  wish = next;
  list = null;
  await load();
  if (!leads) return;
  byId("list-title").focus();
  byId("news").textContent = `${wish.title}: ${byId("origin").textContent}`;
}

/** Keeps what somebody did with an item, and shows what it changes. */
function react(kind, item, shown, more) {
  return attempt(async () => {
    impressions.flush();
    await send([eventOf(kind, item, shown, more)]);
    if (kind === "click") {
      await turnTo({ path: "item", asked: { item_id: item.item_id }, title: `More like ${nameOf(item)}` });
    } else {
      const fresh = await load();
      tell(`${SAID[kind]}: ${nameOf(item)}. ${consequence(kind, fresh.length)}`, item.rank);
    }
    await past();
  });
}

function consequence(kind, changed) {
  if (kind !== "dismiss" && !options.counting.includes(kind)) {
    return "It is kept; this run's models take no account of it.";
  }
  return changed > 0 ? `${changed} new in the list.` : "The list has the same items.";
}

/**
 * Says what came of something: aloud, and to be read in the card that has its place now and takes the focus. It is
 * part of the page there, so that it covers nothing.
 */
function tell(words, rank) {
  byId("news").textContent = words;
  const place = Math.min(rank, list.items.length);
  const title = byId(`card-${place}`) ?? byId("list-title");
  const note = element("p", { class: "said", "aria-hidden": true }, words);
  title.after(note);
  title.focus();
  note.scrollIntoView({ block: "nearest" });
}

async function past() {
  await showHistory(user, label(), titles);
}

/** Shows a user's list and history, to which nobody is led where nobody asked: when the page begins. */
function choose(id, isAskedFor = true) {
  return attempt(async () => {
    user = byId("user").value = id;
    await turnTo(ofUser(), isAskedFor);
    await past();
  });
}

function fillIn() {
  byId("users").replaceChildren(...options.user_ids.map((id) => element("option", { value: id })));
  const labels = Object.entries(options.versions).filter(([name]) => name !== "newest");
  const versions = labels.map(([name, number]) => element("option", { value: name }, `${name} (${number})`));
  byId("version").replaceChildren(element("option", { value: "" }, "as configured"), ...versions);
  const others = Object.entries(options.scenarios);
  const own = element("li", {}, element("a", { href: "#list-title", "aria-current": "page" }, options.run));
  const links = others.map(([name, address]) => element("li", {}, element("a", { href: address }, name)));
  byId("scenarios").querySelector("ul").replaceChildren(own, ...links);
  byId("scenarios").hidden = others.length === 0;
}

async function begin() {
  options = await ask("v1/options");
  byId("key").hidden = true;
  fillIn();
  keepFigures(failed);
  await choose(options.user_ids[0] ?? invented(), false);
}

function invented() {
  return `guest-${randomId().slice(0, 8)}`;
}

/** What a form does in place of being sent. */
function onSubmit(form, act) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

onSubmit("who", () => choose(byId("user").value));
onSubmit("search", () =>
  attempt(() => turnTo({ path: "text", asked: { text: byId("text").value }, title: `Found for “${byId("text").value}”` })),
);
onSubmit("key-form", () => {
  useKey(byId("key-value").value);
  byId("key-value").value = "";
  attempt(begin);
});
byId("invent").addEventListener("click", () => choose(invented()));
byId("back").addEventListener("click", () => attempt(() => turnTo(ofUser())));
byId("version").addEventListener("change", () => {
  if (wish) attempt(async () => Promise.all([load(), past()]));
});
attempt(begin);
