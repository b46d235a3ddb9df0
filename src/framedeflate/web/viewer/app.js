// SPDX-License-Identifier: Apache-2.0
// The page: which view an address means, the token, and the figures of what was sent.
import { Session } from "./api.js";
import { announce, bytes, el, ratio } from "./dom.js";
import { Frames } from "./frames.js";
import { ImagePage } from "./image_page.js";
import { parseRoute, routeHash } from "./routes.js";
import { StudiesPage } from "./studies.js";
import { StudyPage } from "./study.js";

const main = document.getElementById("main");
const session = new Session(new URL("dicomweb/", document.baseURI), askToken);
const frames = new Frames(session);
let page = null;

function show() {
  const route = parseRoute(location.hash);
  if (page?.update?.(route)) return;
  page?.destroy();
  const Page = route.instance || route.stack ? ImagePage : route.study ? StudyPage : StudiesPage;
  document.body.classList.toggle("viewing", Page === ImagePage);
  page = new Page({ session, frames, route, trail, replace });
  main.replaceChildren(page.element);
}

// What changes while one looks (a slice, a view's place) belongs to the address, but not to the way back.
function replace(route) {
  history.replaceState(null, "", routeHash(route));
}

/** Say where one is: [[text or element, route or null], …]. */
function trail(steps, title) {
  const items = steps.map(([label, route]) =>
    el("li", {}, route ? el("a", { href: routeHash(route) }, label) : el("span", { "aria-current": "page" }, label)),
  );
  document.getElementById("trail").replaceChildren(el("ol", {}, items));
  document.title = title ? `${title} – framedeflate` : "framedeflate";
}

function askToken(again) {
  const dialog = document.getElementById("token");
  const [form, input] = [document.getElementById("token-form"), document.getElementById("token-input")];
  document.getElementById("token-hint").textContent = again
    ? "The last one was refused. It is kept until this tab is closed."
    : "It is kept until this tab is closed.";
  input.value = "";
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    const listeners = new AbortController();
    const end = (token) => {
      listeners.abort();
      dialog.close();
      resolve(token);
    };
    const { signal } = listeners;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      end(input.value.trim());
    }, { signal });
    document.getElementById("token-cancel").addEventListener("click", () => end(null), { signal });
    dialog.addEventListener("cancel", () => end(null), { signal });
  });
}

function trafficMeter() {
  const figures = el("output", { class: "figures", "aria-label": "Bytes sent for frames, beside their native size" });
  const choice = el(
    "select",
    { "aria-label": "How frames are sent", title: "How frames are sent" },
    el("option", { value: "auto" }, "automatic"),
    el("option", { value: "x-deflate" }, "x-deflate"),
    el("option", { value: "content-encoding" }, "Content-Encoding"),
  );
  choice.addEventListener("change", () => {
    frames.choose(choice.value);
    announce(`Frames are asked for as ${choice.selectedOptions[0].textContent}`);
    page.reload?.();
  });
  let waiting = false;
  const update = () => {
    waiting = false;
    const { frames: count, wire, native, how } = frames.traffic;
    const factor = ratio(wire, native);
    figures.title = count ? `${count} frames; the last one came as ${how}` : "No frames yet";
    figures.replaceChildren(
      el("span", { class: "number" }, bytes(wire)),
      " sent for ",
      el("span", { class: "number" }, bytes(native)),
      factor ? el("span", { class: "factor" }, factor) : "",
    );
  };
  frames.addEventListener("traffic", () => {
    if (!waiting) requestAnimationFrame(update);
    waiting = true;
  });
  update();
  document.getElementById("traffic").replaceChildren(figures, choice);
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
trafficMeter();
show();
