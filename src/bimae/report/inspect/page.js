"use strict";
// The page works without this script; it adds the switch between views, the filter by class, the
// large view and the highlights. State: #view=rgb|false-colour|bands|all&region=whole|middle&class=NAME&sample=NUMBER.
const root = document.documentElement;
window.addEventListener("error", (e) => { root.dataset.errors = (root.dataset.errors || "") + e.message + "; "; });
const one = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const data = JSON.parse(one("#data").textContent);
const VIEWS = ["rgb", "false-colour", "bands", "all"];
root.classList.add("js");

// ---- switches and filter
const controls = one("#show");
const regions = one("#regions");
const choice = one("select", controls);
const state = { view: "rgb", region: "whole", chosen: "" };

function show() {
  root.dataset.view = state.view;
  root.dataset.regionShown = state.region;
  for (const input of all("input", controls)) input.checked = input.value === state.view;
  for (const input of all("input", regions)) input.checked = input.value === state.region;
  if (choice) choice.value = state.chosen;
  for (const section of all("section.class")) {
    section.hidden = state.chosen !== "" && section.dataset.class !== state.chosen;
  }
  root.dataset.shown = all("section.class:not([hidden]) .card").length;
}
function read() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (VIEWS.includes(asked.get("view")) && one("input", controls)) state.view = asked.get("view");
  if (asked.get("region") in data.axes) state.region = asked.get("region");
  if (asked.has("class")) {
    const place = data.classes.findIndex((c) => c.name === asked.get("class"));
    state.chosen = place < 0 ? "" : String(place);
  }
  show();
}
function changed() {
  state.view = one("input:checked", controls)?.value ?? state.view;
  state.region = one("input:checked", regions).value;
  state.chosen = choice ? choice.value : "";
  show();
  const hash = new URLSearchParams({ view: state.view, region: state.region });
  if (state.chosen !== "") hash.set("class", data.classes[state.chosen].name);
  history.replaceState(null, "", "#" + hash);
}
for (const form of [controls, regions]) {
  form.addEventListener("change", changed);
  form.addEventListener("submit", (e) => e.preventDefault());
}
window.addEventListener("hashchange", read);

// ---- scales of the charts
const across = (a, x) => a.left + (x - a.x[0]) / (a.x[1] - a.x[0]) * (a.right - a.left);
const up = (a, y) => a.bottom - (y - a.y[0]) / (a.y[1] - a.y[0]) * (a.bottom - a.top);
const back = (a, px) => a.x[0] + (px - a.left) / (a.right - a.left) * (a.x[1] - a.x[0]);
const digits = (v) => v === null ? "–" : String(Number(v.toPrecision(3)));
const place = (band) => data.names ? data.names[band] : data.unit ? `${Math.round(data.x[band])} nm` : `band ${band}`;

function point(svg, event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return at;
}
function nearestBand(x) {
  let best = 0;
  data.x.forEach((v, i) => { if (Math.abs(v - x) < Math.abs(data.x[best] - x)) best = i; });
  return best;
}
function rule(svg, x) {
  for (const end of ["x1", "x2"]) one(".rule", svg).setAttribute(end, x);
}

// ---- mean spectra: highlight
const charts = all("svg.spectra");
const names = all(".names button");
let kept = null;

function highlight(number) {
  for (const chart of charts) {
    chart.classList.toggle("lit", number !== null);
    for (const path of all("[data-class]", chart)) path.classList.toggle("on", path.dataset.class === String(number));
  }
  for (const name of names) {
    name.classList.toggle("on", name.dataset.class === String(number));
    name.setAttribute("aria-pressed", String(name.dataset.class === String(kept)));
  }
  root.dataset.lit = number === null ? "" : data.classes[number].name;
}
function readAt(chart, event) {
  const region = state.region, axes = data.axes[region];
  const at = point(chart, event);
  const band = nearestBand(back(axes, at.x));
  const away = (c) => c.mean[region][band] === null ? Infinity : Math.abs(up(axes, c.mean[region][band]) - at.y);
  const found = kept !== null ? kept : data.classes.reduce((best, c, i) => away(c) < away(data.classes[best]) ? i : best, 0);
  const c = data.classes[found], sd = c.sd[region][band];
  rule(chart, across(axes, data.x[band]));
  one(".readout", chart.parentNode).textContent =
    `${place(band)}   ${c.name}   ${digits(c.mean[region][band])}${sd === null ? "" : ` ± ${digits(sd)}`}   (${c.samples[region]} samples)`;
  highlight(found);
}
for (const chart of charts) {
  chart.addEventListener("pointermove", (event) => readAt(chart, event));
  chart.addEventListener("pointerleave", () => { rule(chart, -9); highlight(kept); });
}
for (const name of names) {
  const number = Number(name.dataset.class);
  for (const kind of ["pointerenter", "focus"]) name.addEventListener(kind, () => highlight(number));
  for (const kind of ["pointerleave", "blur"]) name.addEventListener(kind, () => highlight(kept));
  name.addEventListener("click", () => { kept = kept === number ? null : number; highlight(number); });
}

// ---- bands: figures under the pointer
const heads = all("#band-figures thead th").map((cell) => cell.textContent);
const rows = all("#band-figures tbody tr");
for (const svg of all(".bandcharts svg")) {
  svg.addEventListener("pointermove", (event) => {
    const band = nearestBand(back(data.bandAxes, point(svg, event).x));
    const cells = [...rows[band].children].map((cell) => cell.textContent);
    const told = heads.map((head, i) => `${head} ${cells[i]}`).slice(2);
    one("#bands-readout").textContent = [data.unit ? `Band ${band}, ${place(band)}` : `Band ${band}`, ...told].join("   ");
    for (const each of all(".bandcharts svg")) rule(each, across(data.bandAxes, data.x[band]));
  });
}

// ---- the large view
const large = one("#large");
let current = 0;

function path(axes, values) {
  const steps = data.x.slice(1).map((x, i) => x - data.x[i]).sort((a, b) => a - b);
  const middle = (steps[(steps.length - 1) >> 1] + steps[steps.length >> 1]) / 2;
  let d = "", pen = false;
  values.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    if (i && data.x[i] - data.x[i - 1] > 2.5 * middle) pen = false;
    d += `${pen ? "L" : "M"}${across(axes, data.x[i]).toFixed(1)} ${up(axes, v).toFixed(1)}${pen ? "" : "h0"}`;
    pen = true;
  });
  return d;
}
function area(axes, mean, sd) {
  const edge = (sign) => mean.map((m, i) => m === null || sd[i] === null ? null : [data.x[i], m + sign * sd[i]]).filter(Boolean);
  const points = [...edge(1), ...edge(-1).reverse()].map(([x, y]) => `${across(axes, x).toFixed(1)} ${up(axes, y).toFixed(1)}`);
  return points.length ? `M${points.join("L")}Z` : "";
}
function openable() {
  return all("button.open").filter((b) => !b.closest("section.class").hidden);
}
function open(button) {
  current = openable().indexOf(button);
  const sample = data.samples[button.dataset.sample];
  const c = data.classes[sample.class];
  const caption = one("figcaption", button.closest(".card"));
  const others = all("span > span", caption).map((s) => s.title || s.textContent);
  one("#large-title").textContent = one("b", caption).textContent;
  one("#large-words").textContent = [c.name, ...others, sample.size].join(" · ");
  one("#large-images").replaceChildren(...all(".view", button).map((v) => v.cloneNode(true)));
  for (const svg of all("svg.region", large)) {
    const region = svg.dataset.region, axes = data.sampleAxes[region];
    one(".area", svg).setAttribute("d", area(axes, c.mean[region], c.sd[region]));
    one(".mean", svg).setAttribute("d", path(axes, c.mean[region]));
    one(".own", svg).setAttribute("d", path(axes, sample.spectrum[region]));
    one(".area", svg).style.fill = one(".mean", svg).style.stroke = c.colour;
  }
  one("#large-colour").style.background = c.colour;
  if (!large.open) large.showModal();
}
function step(by) {
  const buttons = openable();
  open(buttons[(current + by + buttons.length) % buttons.length]);
}
for (const button of all("button.open")) button.addEventListener("click", () => open(button));
for (const button of all("[data-step]", large)) button.addEventListener("click", () => step(Number(button.dataset.step)));
one("[data-close]", large).addEventListener("click", () => large.close());
large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
large.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});

// ---- say that all went well: tests read these
read();
window.addEventListener("load", () => {
  const images = all("img");
  root.dataset.images = images.length;
  root.dataset.broken = images.filter((image) => !image.naturalWidth).length;
  const asked = Number(new URLSearchParams(location.hash.slice(1)).get("sample") ?? NaN);
  const button = all("button.open").find((b) => Number(b.dataset.sample) === asked);
  if (button) open(button);
  root.dataset.ready = "yes";
});
