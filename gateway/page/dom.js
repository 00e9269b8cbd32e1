/**
 * An element.
 *
 * @param {string} name Of the element.
 * @param {Object} attributes Name to value; `true` stands for one without a value, `false` for none. `on` has
 *   what listens, by the event's name.
 * @param {...(Node|string)} children What is text stays text, whatever it holds.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") {
      for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    } else if (value !== false) {
      made.setAttribute(key, value === true ? "" : String(value));
    }
  }
  made.append(...children);
  return made;
}

/** The element of the page that has an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Pairs of a definition list. */
export function pairs(entries) {
  return entries.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
}
