"use strict";
// One seed at a time: files to POST /predict, the answer to text, bars, pictures and a spectrum.
const root = document.documentElement;
window.addEventListener("error", (e) => { root.dataset.errors = (root.dataset.errors || "") + e.message + "; "; });
window.addEventListener("unhandledrejection", (e) => { root.dataset.errors = (root.dataset.errors || "") + e.reason + "; "; });
const one = (id) => document.getElementById(id);
const PICTURE = /\.(png|jpe?g|tiff?)$/i;
const MOST_BARS = 8;
const SVG = "http://www.w3.org/2000/svg";
const form = one("ask");
let limits = null;
let dropped = null;  // files that were dropped; choosing others replaces them
let asked = 0;

function make(name, attributes = {}, text = "") {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}
function draw(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  one("spectrum").append(element);
}
const percent = (p) => p > 0 && p < 0.001 ? "< 0.1 %" : p < 1 && p > 0.999 ? "> 99.9 %" : `${(100 * p).toFixed(1)} %`;
const short = (v) => Number(v.toPrecision(3)).toString();

// ---- the model
async function introduce() {
  const model = await (await fetch("/model")).json();
  limits = model.limits;
  one("simulated").hidden = !model.simulated;
  const views = { rgb: "an RGB image", hs: "spectra" };
  const what = model.views.map((v) => views[v]).join(model.all_views_needed ? " and " : " or ");
  const of = model.calibration.length ? "calibrated" : "not calibrated";
  one("about").textContent = `Model ${model.name} (${model.fingerprint}), ${of}: tells ${model.classes.length} classes apart. It looks at ${what}.`;
  for (const view of ["rgb", "hs"]) {
    if (model.views.includes(view)) continue;
    one(view).disabled = true;
    document.querySelector(`label[for=${view}] small`).textContent = "not looked at by this model";
  }
}

// ---- files
function files() {
  const chosen = { rgb: [...one("rgb").files], hs: [...one("hs").files] };
  return dropped || chosen;
}
function take(list) {
  const all = [...list];
  dropped = { rgb: all.filter((f) => PICTURE.test(f.name)), hs: all.filter((f) => !PICTURE.test(f.name)) };
  say(`Dropped: ${all.map((f) => f.name).join(", ") || "nothing"}`);
  if (all.length) form.requestSubmit();
}
const say = (text) => { one("status").textContent = text; };
function complain(text) {
  const problem = one("problem");
  problem.textContent = text;
  problem.hidden = !text;
  if (text) { say(""); root.dataset.state = "refused"; }
}

// ---- asking
async function ask(event) {
  event.preventDefault();
  const mine = ++asked;
  const { rgb, hs } = files();
  complain("");
  one("result").hidden = true;
  if (!rgb.length && !hs.length) return complain("Found no file; choose an RGB image, spectra, or both, and press Classify.");
  const size = [...rgb, ...hs].reduce((sum, f) => sum + f.size, 0);
  if (limits && size > limits.request_bytes) return complain(`Found ${size} bytes, at most ${limits.request_bytes} are taken; cut the seed out.`);
  const body = new FormData();
  for (const file of rgb) body.append("rgb", file);
  for (const file of hs) body.append("hs", file);
  const wavelengths = one("wavelengths").value.trim();
  if (wavelengths) body.append("wavelengths", wavelengths);
  root.dataset.state = "asking";
  say("Looking at the files ...");
  one("go").disabled = true;
  try {
    const explain = one("explain").checked;
    const response = await fetch(`/predict?show=true&explain=${explain}`, { method: "POST", body });
    const found = await response.json();
    if (mine !== asked) return;
    if (!response.ok) return complain(found.detail);
    show(found);
    say(`Answered in ${found.seconds.toFixed(2)} s.`);
    root.dataset.state = "answered";
    one("called").focus();
  } catch (error) {
    if (mine === asked) complain(`The server did not answer (${error.message}); is it still running?`);
  } finally {
    if (mine === asked) one("go").disabled = false;
  }
}

// ---- the answer
function show(found) {
  one("called").textContent = found.class;
  const verdict = one("verdict");
  verdict.classList.toggle("rejected", found.rejected === true);
  verdict.textContent = found.rejected === null
    ? `${percent(found.probability)} by the model's own word: the model is not calibrated for this, so that nothing is rejected.`
    : found.rejected
      ? `Rejected: this is like nothing the model learned, and most likely none of its classes. Of these it is most like ${found.class}.`
      : `Not rejected: it is like what the model learned. Probability ${percent(found.probability)}.`;
  one("set").textContent = found.set === null ? "" : `Possible classes (conformal set): ${found.set.join(", ")}`;
  bars(found);
  pictures(found);
  spectrum(found);
  one("notes").replaceChildren(...found.notes.map((note) => make("li", {}, note)));
  one("notes-card").hidden = !found.notes.length;
  one("result").hidden = false;
}
function bars(found) {
  const rows = Object.entries(found.probabilities).sort((a, b) => b[1] - a[1]);
  const inside = new Set(found.set || [found.class]);
  one("bars").replaceChildren(...rows.slice(0, MOST_BARS).map(([name, p]) => {
    const row = make("li", { class: inside.has(name) ? "in" : "" });
    const rail = make("span", { class: "rail", "aria-hidden": "true" });
    const bar = make("span");
    bar.style.width = `${100 * p}%`;
    rail.append(bar);
    row.append(make("span", { class: "name" }, name), rail, make("span", { class: "share" }, percent(p)));
    return row;
  }));
  const rest = rows.slice(MOST_BARS).reduce((sum, row) => sum + row[1], 0);
  one("more").textContent = rows.length > MOST_BARS ? `${rows.length - MOST_BARS} more classes with ${percent(rest)} together.` : "";
}
function pictures(found) {
  const views = [
    found.carried && found.carried.tile_falls
      ? ["rgb", found.shown.rgb, found.carried.tile_falls, regionColour]
      : ["rgb", found.shown.rgb, found.carried && found.carried.tiles, tileColour],
    ["hs", found.shown.false_colour, found.carried && found.carried.regions, regionColour],
  ];
  for (const [name, source, map, colour] of views) {
    one(`${name}-figure`).hidden = !source;
    if (source) one(`${name}-picture`).src = source;
    heat(one(`${name}-heat`), source ? map : null, colour);
  }
  one("hs-words").textContent = `False colour: ${found.shown.false_colour_words || ""}`;
  one("heat-row").hidden = !found.carried;
  if (!found.carried) return;
  const parts = [];
  if (found.carried.tiles) {
    const [low, high] = ends(found.carried.tiles.flat());
    const total = found.carried.tiles.flat().reduce((sum, v) => sum + v, 0);
    const even = total / found.carried.tiles.flat().length || 1;
    parts.push(`RGB: the stronger the orange, the more a tile weighed, from ${short(low / even)} to ${short(high / even)} times an even share`);
  }
  if (found.carried.tile_falls) parts.push("RGB: orange spoke for the class, blue against it");
  if (found.carried.regions) parts.push("false colour: orange spoke for the class, blue against it");
  const alone = found.carried.tile_falls || (found.carried.bands && !found.carried.bands.weights);
  const why = alone ? " A discriminant answers alone: no network is run, so there is no attention to show." : "";
  one("key").textContent = `Explains ${found.carried.class}. ${parts.join("; ")}.${why}`;
}
const ends = (values) => [Math.min(...values), Math.max(...values)];
const tileColour = (v, [low, high]) => `rgba(230, 110, 0, ${high > low ? 0.8 * (v - low) / (high - low) : 0.4})`;
function regionColour(v, [low, high]) {
  const share = 0.75 * Math.abs(v) / (Math.max(-low, high) || 1);
  return v > 0 ? `rgba(230, 110, 0, ${share})` : `rgba(30, 90, 220, ${share})`;
}
function heat(canvas, map, colour) {
  canvas.hidden = !map || !one("heat").checked;
  canvas.dataset.there = map ? "yes" : "";
  if (!map) return;
  const side = map.length, cell = Math.ceil(384 / side);
  canvas.width = canvas.height = side * cell;
  const pen = canvas.getContext("2d");
  const flat = map.flat();
  const reach = ends(flat);
  const best = flat.indexOf(Math.max(...flat));
  for (let i = 0; i < flat.length; i++) {
    pen.fillStyle = colour(flat[i], reach);
    pen.fillRect((i % side) * cell, Math.floor(i / side) * cell, cell, cell);
  }
  canvas.setAttribute("aria-label", `Heat map of ${side} by ${side} fields; most for the class: row ${Math.floor(best / side) + 1}, column ${best % side + 1}`);
}

// ---- the spectrum, and what hangs on its bands
function ticks(low, high, count) {
  const step = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(step));
  const nice = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= step);
  const found = [];
  for (let v = Math.ceil(low / nice) * nice; v <= high + nice * 1e-9; v += nice) found.push(v);
  return found;
}
function spectrum(found) {
  const own = found.shown.spectrum;
  one("spectrum-figure").hidden = !own;
  one("spectrum").replaceChildren();
  if (!own) return;
  const xs = own.nm || own.mean.map((_, i) => i);
  const left = 52, right = 614, top = 12, bottom = 196;
  const low = xs[0], high = xs.at(-1) > xs[0] ? xs.at(-1) : xs[0] + 1;
  const floor = Math.min(0, ...own.mean), ceiling = Math.max(...own.mean, floor + 1e-9);
  const x = (v) => left + (v - low) / (high - low) * (right - left);
  const y = (v) => bottom - (v - floor) / (ceiling - floor) * (bottom - top);
  for (const v of ticks(floor, ceiling, 4)) {
    draw("line", { class: "grid", x1: left, x2: right, y1: y(v), y2: y(v) });
    draw("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, short(v));
  }
  for (const v of ticks(low, high, 6)) {
    draw("line", { class: "axis", x1: x(v), x2: x(v), y1: bottom, y2: bottom + 4 });
    draw("text", { x: x(v), y: bottom + 18, "text-anchor": "middle" }, short(v));
  }
  draw("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom });
  draw("text", { x: (left + right) / 2, y: 234, "text-anchor": "middle" }, own.nm ? "wavelength (nm)" : "band");
  const bands = found.carried && found.carried.bands;
  if (bands) falls(bands, x, bottom, right - left);
  draw("path", { class: "mean", d: "M" + own.mean.map((v, i) => `${x(xs[i]).toFixed(1)} ${y(v).toFixed(1)}`).join("L") });
  const unit = own.unit || "value as stored";
  const said = `Mean spectrum of the middle of the image (${unit})${bands ? "; bars: what the class loses without the bands there (orange), or gains (blue)" : ""}.`;
  one("spectrum-words").textContent = said;
  one("spectrum").setAttribute("aria-label", `${said} From ${short(low)} to ${short(high)}, values ${short(Math.min(...own.mean))} to ${short(Math.max(...own.mean))}.`);
}
function falls(bands, x, bottom, width) {
  const most = Math.max(...bands.falls.map(Math.abs)) || 1;
  const wide = Math.max(1.5, Math.min(10, width / bands.falls.length - 0.5));
  bands.falls.forEach((fall, i) => {
    const tall = 60 * Math.abs(fall) / most;
    draw("rect", { class: fall > 0 ? "for" : "against", x: x(bands.places[i]) - wide / 2, y: bottom - tall, width: wide, height: tall });
  });
}

// ---- hands and keys
form.addEventListener("submit", ask);
for (const view of ["rgb", "hs"]) one(view).addEventListener("change", () => { dropped = null; });
one("heat").addEventListener("change", () => {
  for (const name of ["rgb-heat", "hs-heat"]) one(name).hidden = !one(name).dataset.there || !one("heat").checked;
});
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
window.addEventListener("dragover", () => form.classList.add("over"));
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over"); });
window.addEventListener("drop", (event) => {
  form.classList.remove("over");
  take(event.dataTransfer.files);
});
introduce()
  .catch((error) => complain(`The server did not tell about its model (${error.message}).`))
  .finally(() => { root.dataset.ready = "yes"; });
