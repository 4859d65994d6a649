"use strict";
// The page works without this script; it adds filter, order, keys and the large view.
// State: #show=CLASS NUMBER|rejected|doubtful&sort=unsure|sure|class|tray&seed=NUMBER.
const root = document.documentElement;
window.addEventListener("error", (e) => { root.dataset.errors = (root.dataset.errors || "") + e.message + "; "; });
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
root.classList.add("js");

const controls = one("#controls");
const list = one("#cards");
const cards = all(".card");
const large = one("#large");
const number = (card, name) => Number(card.dataset[name]);
const ORDERS = {
  unsure: (a, b) => number(b, "rejected") - number(a, "rejected") || number(a, "sure") - number(b, "sure"),
  sure: (a, b) => number(b, "sure") - number(a, "sure"),
  class: (a, b) => number(a, "rejected") - number(b, "rejected") || number(a, "class") - number(b, "class") || number(a, "sure") - number(b, "sure"),
  tray: () => 0,
};
const state = { show: "", sort: "unsure" };
const visible = () => all(".card:not([hidden])").map((card) => one(".open", card));

// ---- filter and order
function fits(card) {
  if (state.show === "") return true;
  return state.show === "doubtful" ? card.dataset.doubtful === "1" : card.dataset.show === state.show;
}
function show() {
  for (const card of cards) card.hidden = !fits(card);
  const order = ORDERS[state.sort];
  list.append(...[...cards].sort((a, b) => order(a, b) || number(a, "number") - number(b, "number")));
  for (const name of ["show", "sort"]) controls.elements[name].value = state[name];
  const buttons = visible();
  one("#shown").textContent = buttons.length === 1 ? "1 seed" : `${buttons.length} seeds`;
  stop(buttons[0]);
  root.dataset.shown = buttons.length;
  root.dataset.first = buttons.length ? buttons[0].closest(".card").dataset.number : "";
}
function read() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of ["show", "sort"]) {
    const known = [...controls.elements[name].options].map((option) => option.value);
    if (known.includes(asked.get(name))) state[name] = asked.get(name);
  }
  show();
}
function changed() {
  for (const name of ["show", "sort"]) state[name] = controls.elements[name].value;
  show();
  history.replaceState(null, "", "#" + new URLSearchParams(state));
}

// ---- keys: the gallery is one stop of the tab key, arrows go around in it
function stop(button) {
  for (const card of cards) one(".open", card).tabIndex = -1;
  if (button) button.tabIndex = 0;
}
function neighbour(button, key) {
  const buttons = visible();
  const here = buttons.indexOf(button);
  const top = buttons[0].getBoundingClientRect().top;
  const below = buttons.findIndex((each) => each.getBoundingClientRect().top > top + 4);
  const across = below < 0 ? buttons.length : below;
  const to = { ArrowLeft: here - 1, ArrowRight: here + 1, ArrowUp: here - across, ArrowDown: here + across, Home: 0, End: buttons.length - 1 }[key];
  return to === undefined ? undefined : buttons[to] || button;
}
function moved(event) {
  const button = event.target.closest(".open");
  const next = button && neighbour(button, event.key);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

// ---- the large view
let current = null;
function open(button) {
  current = button;
  const card = button.closest(".card");
  one("#large-title").textContent = one(".id", card).textContent;
  const parts = [".images", ".called", ".tags", ".who", ".set", ".spectrum", ".maps"]
    .flatMap((part) => all(part, card)).map((part) => part.cloneNode(true));
  one("#large-content").replaceChildren(...parts);
  root.dataset.open = card.dataset.number;
  if (!large.open) large.showModal();
}
function step(by) {
  const buttons = visible();
  open(buttons[(buttons.indexOf(current) + by + buttons.length) % buttons.length]);
}
if (controls) {
  controls.addEventListener("change", changed);
  controls.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", read);
  list.addEventListener("keydown", moved);
  list.addEventListener("focusin", (event) => { if (event.target.matches(".open")) stop(event.target); });
  for (const card of cards) one(".open", card).addEventListener("click", (event) => open(event.currentTarget));
  for (const button of all("[data-step]", large)) button.addEventListener("click", () => step(Number(button.dataset.step)));
  one("[data-close]", large).addEventListener("click", () => large.close());
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  large.addEventListener("close", () => { delete root.dataset.open; if (current) current.focus(); });
  read();
}

// ---- say that all went well: tests read these
window.addEventListener("load", () => {
  const images = all("img");
  root.dataset.images = images.length;
  root.dataset.broken = images.filter((image) => !image.naturalWidth).length;
  const asked = new URLSearchParams(location.hash.slice(1)).get("seed");
  const card = cards.find((each) => each.dataset.number === asked);
  if (card) open(one(".open", card));
  root.dataset.ready = "yes";
});
