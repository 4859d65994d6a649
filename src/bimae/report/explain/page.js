"use strict";
// Nothing on the page needs this script; it says that all went well: tests read these.
const root = document.documentElement;
window.addEventListener("error", (e) => { root.dataset.errors = (root.dataset.errors || "") + e.message + "; "; });
window.addEventListener("load", () => {
  const images = [...document.querySelectorAll("img")];
  root.dataset.images = images.length;
  root.dataset.broken = images.filter((image) => !image.naturalWidth).length;
  root.dataset.ready = "yes";
});
