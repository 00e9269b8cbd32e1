import { element, pairs } from "./dom.js";

const ESTIMATES = {
  value: (name, score) => [`Predicted ${name}`, score.toFixed(1)],
  dwell: (name, score) => [`Predicted ${name}`, `${score.toFixed(0)} s`],
};

/** How an item is called. */
export function nameOf(item) {
  return item.title || item.item_id;
}

/**
 * The card of an item.
 *
 * @param {Object} item Of a list.
 * @param {Object} options What the gateway offers: `tasks`, `ratings` and `counting`.
 * @param {boolean} isNew Whether the list before did not have it.
 * @param {function(string, Object, Object=): void} act Is told what somebody does: `click`, `like`, `dismiss`,
 *   `purchase`, or `rating`, with its value.
 */
export function cardOf(item, options, isNew, act) {
  const title = `card-${item.rank}`;
  const rank = element("p", { class: "rank" }, `${item.rank}.`);
  if (isNew) rank.append(element("span", { class: "new" }, "new in the list"));
  return element(
    "li",
    {},
    element(
      "article",
      { "aria-labelledby": title },
      rank,
      element("h3", { id: title, dir: "auto", tabindex: -1 }, nameOf(item)),
      element("ul", { class: "reasons" }, ...item.reasons.map((reason) => element("li", { dir: "auto" }, reason.text))),
      element("dl", { class: "scores" }, ...pairs(estimates(item.scores, options.tasks))),
      element(
        "div",
        { class: "acts" },
        button("More like this", item, () => act("click", item)),
        button("Like", item, () => act("like", item)),
        ...(options.counting.includes("purchase") ? [button("Buy", item, () => act("purchase", item))] : []),
        button("Dismiss", item, () => act("dismiss", item)),
      ),
      rating(item, options.ratings, (value) => act("rating", item, { value })),
    ),
  );
}

/** What the models expect, in words. */
function estimates(scores, tasks) {
  const told = Object.entries(tasks).filter(([name]) => name in scores);
  const words = told.map(([name, kind]) => {
    const spoken = name.replaceAll("_", " ");
    return ESTIMATES[kind]?.(spoken, scores[name]) ?? [`Chance of “${spoken}”`, `${Math.round(100 * scores[name])} %`];
  });
  if ("similarity" in scores) words.push(["Similarity", scores.similarity.toFixed(2)]);
  return words;
}

/** A button whose name says of which item it is. */
function button(words, item, click) {
  return element("button", { type: "button", "aria-label": `${words}: ${nameOf(item)}`, on: { click } }, words);
}

/** A choice and a button, so that going through the choices by keyboard rates nothing. */
function rating(item, ratings, rate) {
  const choices = ratings.map((value) => element("option", { value }, String(value)));
  const select = element("select", { "aria-label": `Rating of ${nameOf(item)}` }, ...choices);
  select.selectedIndex = choices.length - 1;
  return element("div", { class: "rating" }, select, button("Rate", item, () => rate(Number(select.value))));
}
