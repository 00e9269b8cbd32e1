import { ask } from "./api.js";

const WAIT_MILLISECONDS = 300;
const SHOWN_SHARE = 0.5;

/** 32 random hex digits; `crypto.randomUUID` is not to be had everywhere. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An event of an item, which names the list that it stood in. */
export function eventOf(kind, item, list, more = {}) {
  return {
    event_id: randomId(),
    kind,
    user_id: list.user,
    item_id: item.item_id,
    timestamp_ms: Date.now(),
    request_id: list.request_id,
    rank: item.rank,
    ...more,
  };
}

/** Sends events; they are kept when this is done. */
export async function send(events) {
  await ask("v1/events", { events }, { keepalive: true });
}

/** Tells of each card, once, that it was seen: half of it at least. */
export class Impressions {
  /** @param {function(Error): void} failed Is told what could not be sent. */
  constructor(failed) {
    this.failed = failed;
    this.waiting = [];
    this.timer = null;
    this.events = new WeakMap();
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { threshold: SHOWN_SHARE });
    addEventListener("pagehide", () => this.flush());
  }

  /** Watches the cards of a list instead of those before. */
  watch(cards, list) {
    this.observer.disconnect();
    list.items.forEach((item, place) => {
      this.events.set(cards[place], { item, list });
      this.observer.observe(cards[place]);
    });
  }

  seen(entries) {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      const { item, list } = this.events.get(entry.target);
      this.observer.unobserve(entry.target);
      this.waiting.push(eventOf("impression", item, list));
    }
    if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.flush(), WAIT_MILLISECONDS);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    const events = this.waiting.splice(0);
    if (events.length > 0) send(events).catch(this.failed);
  }
}
