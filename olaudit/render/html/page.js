// Filter, copy buttons, printing and reloading. The page is readable without this script, which sends no requests.
"use strict";
(() => {
  const selectAll = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("filter");
  const { text, host, check, severity, verdict } = form.elements;
  const onlyNew = form.elements.new;
  const output = form.querySelector("output");
  const fieldNames = ["text", "host", "check", "severity", "verdict", "new"];

  // --- findings --------------------------------------------------------------------------------------------------

  const groups = selectAll(".host").map((node) => ({ node, name: node.dataset.host, shown: 0 }));
  const lists = []; // findings that share an element: those of one cause, and those that are ok
  const findings = [];
  for (const group of groups) {
    for (const node of selectAll(".f", group.node)) {
      const list = node.localName === "li" ? node.closest(".combined, .ok-list") : null;
      if (list && lists.at(-1)?.node !== list) {
        lists.push({ node: list, message: list.querySelector("p")?.textContent ?? "", shown: 0 });
      }
      findings.push({
        node, group, list: list ? lists.at(-1) : null,
        check: node.querySelector("code").textContent, searchText: null,
      });
    }
  }

  const searchText = (finding) => (finding.searchText ??=
    `${finding.group.name} ${finding.list?.message ?? ""} ${finding.node.textContent}`.toLowerCase());

  function addOptions(select, values) {
    for (const value of values) select.append(new Option(value, value));
  }
  const checks = [...new Set(findings.map((finding) => finding.check))].sort();
  const patterns = new Map();
  for (const id of checks) {
    const pattern = `${id.split(".")[0]}.*`;
    patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1);
  }
  addOptions(host, groups.map((group) => group.name).sort());
  addOptions(check, [
    ...[...patterns].filter(([, count]) => count > 1).map(([pattern]) => pattern), ...checks,
  ].sort());

  // --- filter ----------------------------------------------------------------------------------------------------

  const matches = (finding, terms) =>
    (!host.value || finding.group.name === host.value) &&
    (!check.value || finding.check === check.value ||
      (check.value.endsWith(".*") && finding.check.startsWith(check.value.slice(0, -1)))) &&
    (!severity.value || finding.node.classList.contains(severity.value)) &&
    (!verdict.value || finding.node.classList.contains(verdict.value)) &&
    (!onlyNew?.checked || finding.node.classList.contains("new")) &&
    terms.every((term) => searchText(finding).includes(term));

  function filter() {
    const terms = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const container of [...groups, ...lists]) container.shown = 0;
    for (const finding of findings) {
      const shown = matches(finding, terms);
      if (finding.node.hidden === shown) finding.node.hidden = !shown;
      if (!shown) continue;
      count += 1;
      finding.group.shown += 1;
      if (finding.list) finding.list.shown += 1;
    }
    for (const container of [...groups, ...lists]) container.node.hidden = !container.shown;
    const summary = `${count} of ${findings.length} ${findings.length === 1 ? "finding" : "findings"}`;
    if (output.value !== summary) output.value = summary;
  }

  function filterParams() {
    const params = new URLSearchParams();
    for (const name of fieldNames) {
      const field = form.elements[name];
      const value = field?.type === "checkbox" ? (field.checked ? field.value : "") : field?.value.trim();
      if (value) params.set(name, value);
    }
    return params.toString();
  }

  // the fragment holds the filter, so that a filtered page can be shared by its address
  function storeFilter() {
    const params = filterParams();
    if (params || location.hash.includes("=")) history.replaceState(null, "", `#${params}`);
  }

  function restoreFilter() {
    const params = new URLSearchParams(location.hash.slice(1));
    for (const name of fieldNames) {
      const field = form.elements[name];
      if (!field) continue;
      if (field.type === "checkbox") field.checked = params.has(name);
      else field.value = params.get(name) ?? "";
      if (field.selectedIndex === -1) field.value = "";
    }
    filter();
  }

  function openFragment() {
    if (location.hash.includes("=")) return restoreFilter();
    // a link to a finding that the filter hides clears the filter
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    target?.closest("details")?.setAttribute("open", "");
    if (target?.closest("[hidden]")) clearFilter();
    target?.scrollIntoView();
  }

  function clearFilter() {
    form.reset();
    for (const field of [text, host, check, severity, verdict]) field.value = "";
    filter();
  }

  let timer = 0;
  function filterSoon() {
    clearTimeout(timer);
    timer = setTimeout(() => { filter(); storeFilter(); }, 80);
  }

  form.addEventListener("input", filterSoon);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { clearFilter(); storeFilter(); }));
  addEventListener("hashchange", openFragment);
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      text.focus();
    } else if (event.key === "Escape" && filterParams()) {
      clearFilter();
      storeFilter();
    }
  });

  if (findings.length) {
    form.hidden = false;
    if (location.hash.includes("=")) restoreFilter();
    else filter();
  }
  if (location.hash && !location.hash.includes("=")) openFragment();

  // --- copy buttons ----------------------------------------------------------------------------------------------

  for (const fix of selectAll(".fix")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the command: ${fix.textContent.slice(0, 80)}`);
    const command = document.createElement("div");
    command.className = "command";
    fix.replaceWith(command);
    command.append(fix, button);
  }

  function copySelection(fix) {
    getSelection().selectAllChildren(fix); // if copying fails, the selected text can still be copied by keyboard
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
      copied = copySelection(fix); // the clipboard API is missing, or not permitted
    }
    button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
    document.getElementById("status").textContent = copied ? "Command copied" : "Command selected";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // --- age of the page, and printing -----------------------------------------------------------------------------

  const ago = document.getElementById("ago");
  const started = Date.parse(document.querySelector(".started time").dateTime);
  const seconds = Number(document.body.dataset.every ?? 0); // 0: the page is not live
  const maxAge = seconds ? 60 : 36 * 60; // minutes; an older page is marked as outdated

  function showAge() {
    const minutes = Math.floor((Date.now() - started) / 60000);
    if (minutes < 1) return;
    const [count, unit] = [[1440, "day"], [60, "hour"], [1, "minute"]]
      .map(([size, name]) => [Math.floor(minutes / size), name]).find(([number]) => number);
    ago.textContent = `, ${count} ${unit}${count === 1 ? "" : "s"} ago`;
    ago.classList.toggle("old", minutes > maxAge);
  }
  showAge();
  setInterval(showAge, 20000); // the page may stay open, and a live page does not reload while a field has the focus

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = selectAll("details:not([open])");
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });

  // --- live page -------------------------------------------------------------------------------------------------

  const pause = document.getElementById("pause");
  if (seconds && pause) {
    let paused = false;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Resume" : "Pause";
    });
    setInterval(() => {
      const busy = document.activeElement?.matches("input, select") || String(getSelection());
      if (!paused && !busy && !document.hidden) location.reload();
    }, seconds * 1000);
  }
})();
