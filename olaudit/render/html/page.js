// What the page can do besides being read. Nothing here is needed to read it, and nothing here asks anybody.
"use strict";
(() => {
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = document.getElementById("filter");
  const { text, host, check, severity, verdict } = form.elements;
  const only = form.elements.new;
  const said = form.querySelector("output");
  const names = ["text", "host", "check", "severity", "verdict", "new"];

  // --- what there is ---------------------------------------------------------------------------------------------

  const groups = every(".host").map((node) => ({ node, name: node.dataset.host, shown: 0 }));
  const bundles = [];
  const items = [];
  for (const group of groups) {
    for (const node of every(".f", group.node)) {
      const bundle = node.localName === "li" ? node.closest(".many, .fine") : null;
      if (bundle && bundles.at(-1)?.node !== bundle) {
        bundles.push({ node: bundle, about: bundle.querySelector("p")?.textContent ?? "", shown: 0 });
      }
      items.push({
        node, group, bundle: bundle ? bundles.at(-1) : null,
        check: node.querySelector("code").textContent, words: null,
      });
    }
  }

  const wordsOf = (item) => (item.words ??=
    `${item.group.name} ${item.bundle?.about ?? ""} ${item.node.textContent}`.toLowerCase());

  function offer(select, values) {
    for (const value of values) select.append(new Option(value, value));
  }
  const checks = [...new Set(items.map((item) => item.check))].sort();
  const kinds = new Map();
  for (const one of checks) {
    const kind = `${one.split(".")[0]}.*`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  offer(host, groups.map((group) => group.name).sort());
  offer(check, [...[...kinds].filter(([, count]) => count > 1).map(([kind]) => kind), ...checks].sort());

  // --- the filter ------------------------------------------------------------------------------------------------

  const fits = (item, wanted) =>
    (!host.value || item.group.name === host.value) &&
    (!check.value || item.check === check.value ||
      (check.value.endsWith(".*") && item.check.startsWith(check.value.slice(0, -1)))) &&
    (!severity.value || item.node.classList.contains(severity.value)) &&
    (!verdict.value || item.node.classList.contains(verdict.value)) &&
    (!only?.checked || item.node.classList.contains("new")) &&
    wanted.every((word) => wordsOf(item).includes(word));

  function filter() {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const part of [...groups, ...bundles]) part.shown = 0;
    for (const item of items) {
      const shown = fits(item, wanted);
      if (item.node.hidden === shown) item.node.hidden = !shown;
      if (!shown) continue;
      count += 1;
      item.group.shown += 1;
      if (item.bundle) item.bundle.shown += 1;
    }
    for (const part of [...groups, ...bundles]) part.node.hidden = !part.shown;
    const words = `${count} of ${items.length} ${items.length === 1 ? "finding" : "findings"}`;
    if (said.value !== words) said.value = words;
  }

  function state() {
    const given = new URLSearchParams();
    for (const name of names) {
      const field = form.elements[name];
      const value = field?.type === "checkbox" ? (field.checked ? field.value : "") : field?.value.trim();
      if (value) given.set(name, value);
    }
    return given.toString();
  }

  // the fragment holds the filter, so that what one sees can be sent to a colleague
  function remember() {
    const place = state();
    if (place || location.hash.includes("=")) history.replaceState(null, "", `#${place}`);
  }

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of names) {
      const field = form.elements[name];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = given.has(name);
      else field.value = given.get(name) ?? "";
      if (field.selectedIndex === -1) field.value = "";
    }
    filter();
  }

  function arrive() {
    if (location.hash.includes("=")) return recall();
    // a link to what the filter hides: show it, or the link would lead nowhere
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    target?.closest("details")?.setAttribute("open", "");
    if (target?.closest("[hidden]")) clear();
    target?.scrollIntoView();
  }

  function clear() {
    form.reset();
    for (const field of [text, host, check, severity, verdict]) field.value = "";
    filter();
  }

  let waiting = 0;
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(() => { filter(); remember(); }, 80);
  }

  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { clear(); remember(); }));
  addEventListener("hashchange", arrive);
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      text.focus();
    } else if (event.key === "Escape" && state()) {
      clear();
      remember();
    }
  });

  if (items.length) {
    form.hidden = false;
    if (location.hash.includes("=")) recall();
    else filter();
  }
  if (location.hash && !location.hash.includes("=")) arrive();

  // --- copying ---------------------------------------------------------------------------------------------------

  for (const fix of every(".fix")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the command: ${fix.textContent.slice(0, 80)}`);
    const both = document.createElement("div");
    both.className = "do";
    fix.replaceWith(both);
    both.append(fix, button);
  }

  function copySelected(fix) {
    getSelection().selectAllChildren(fix); // even where copying fails, it is then one key away
    const copied = document.execCommand("copy");
    if (copied) getSelection().removeAllRanges();
    return copied;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".copy");
    if (!button) return;
    const fix = button.previousElementSibling;
    let copied = true;
    try {
      await navigator.clipboard.writeText(fix.textContent);
    } catch {
      copied = copySelected(fix); // no clipboard here, or no leave to use it: the old way
    }
    button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
    document.getElementById("status").textContent = copied ? "Command copied" : "Command selected";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // --- time, and paper -------------------------------------------------------------------------------------------

  const ago = document.getElementById("ago");
  const started = Date.parse(document.querySelector(".what time").dateTime);
  const seconds = Number(document.body.dataset.every ?? 0); // none where the page is not live
  const oldest = seconds ? 60 : 36 * 60; // minutes; older, nobody may take it for what is, or for today's

  function grow() {
    const minutes = Math.floor((Date.now() - started) / 60000);
    if (minutes < 1) return;
    const [count, unit] = [[1440, "day"], [60, "hour"], [1, "minute"]]
      .map(([size, name]) => [Math.floor(minutes / size), name]).find(([number]) => number);
    ago.textContent = `, ${count} ${unit}${count === 1 ? "" : "s"} ago`;
    ago.classList.toggle("old", minutes > oldest);
  }
  grow();
  setInterval(grow, 20000); // a page is left open, and a live one that somebody types in does not renew itself

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = every("details:not([open])");
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  // --- the live page ---------------------------------------------------------------------------------------------

  const pause = document.getElementById("pause");
  if (seconds && pause) {
    let paused = false;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Go on" : "Pause";
    });
    setInterval(() => {
      const busy = document.activeElement?.matches("input, select") || String(getSelection());
      if (!paused && !busy && !document.hidden) location.reload();
    }, seconds * 1000);
  }
})();
