// Rows of a form that can be added, removed and moved: a template's sections, a pipeline's steps. Without this script
// they are a plain form that works. data-sections names the formset's prefix, data-noun what a row is called.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const editor = document.querySelector("[data-sections]");
  if (!editor) return;
  const list = editor.querySelector("[data-rows]");
  const status = editor.querySelector("[data-status]");
  const prefix = editor.dataset.sections || "sections";
  const noun = editor.dataset.noun || "section";
  const Noun = noun[0].toUpperCase() + noun.slice(1);
  const total = editor.querySelector(`[name=${prefix}-TOTAL_FORMS]`);
  const most = Number(editor.querySelector(`[name=${prefix}-MAX_NUM_FORMS]`).value);
  const names = (editor.dataset.names || "").split(" ");
  let lastText = null;

  const rows = () => [...list.querySelectorAll(":scope > [data-row]:not([hidden])")];
  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const isBlank = (row) =>
    [...row.querySelectorAll("input, select, textarea")].every(
      (input) => input.type === "checkbox" || /-ORDER$/.test(input.name) || !input.value.trim()
    );

  function say(text, button) {
    status.replaceChildren(text, ...(button ? [" ", button] : []));
  }

  function number() {
    const shown = rows();
    shown.forEach((row, index) => {
      const place = index + 1;
      field(row, "ORDER").value = place;
      row.setAttribute("aria-label", `${Noun} ${place}`);
      row.querySelector("[data-title]").textContent = `${Noun} ${place}`;
      const [up, down] = row.querySelectorAll("[data-move]");
      up.disabled = index === 0;
      down.disabled = place === shown.length;
      up.setAttribute("aria-label", `Move ${noun} ${place} up`);
      down.setAttribute("aria-label", `Move ${noun} ${place} down`);
      row.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${noun} ${place}`);
    });
    editor.querySelector("[data-add]").disabled = shown.length >= most;
  }

  function changed() {
    number();
    // unfold asks before an unsaved page is left, once it sees a change
    list.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function enhance(row) {
    row.querySelector("[data-buttons]").hidden = false;
    row.querySelector("[data-plain]").hidden = true;
    if (typeof highlightRow === "function") highlightRow(row, names);
  }

  function drop(row, place) {
    const others = rows().filter((other) => other !== row);
    if (place < others.length) others[place].before(row);
    else others[place - 1].after(row);
    changed();
    say(`The ${noun} is now at place ${place + 1} of ${others.length + 1}.`);
  }

  function move(row, step, button) {
    const shown = rows();
    const from = shown.indexOf(row);
    const other = shown[from + step];
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    changed();
    // moving takes the focus away; a button at the end of its way cannot hold it
    const target = button.disabled ? row.querySelector(`[data-move="${-step}"]`) : button;
    target.focus();
    say(`The ${noun} is now at place ${from + step + 1} of ${shown.length}.`);
  }

  function remove(row) {
    const next = rows()[rows().indexOf(row) + 1] || rows()[rows().indexOf(row) - 1];
    field(row, "DELETE").checked = true;
    row.hidden = true;
    changed();
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = "Undo";
    undo.addEventListener("click", () => {
      field(row, "DELETE").checked = false;
      row.hidden = false;
      changed();
      say(`The ${noun} is back.`);
      row.querySelector("[data-remove]").focus();
    });
    say(`The ${noun} is removed.`, undo);
    (next ? next.querySelector("[data-remove]") : editor.querySelector("[data-add]")).focus();
  }

  function add() {
    const html = editor.querySelector("[data-empty-row]").innerHTML.replaceAll("__prefix__", total.value);
    list.insertAdjacentHTML("beforeend", html);
    total.value = Number(total.value) + 1;
    const row = list.lastElementChild;
    enhance(row);
    changed();
    row.querySelector(":scope > :not(.section-head) :is(input:not([type=hidden]), select, textarea)").focus();
    say(`${Noun} ${rows().length} is added.`);
  }

  function insert(name) {
    const area = lastText || list.querySelector("[data-row]:not([hidden]) textarea");
    if (!area) return;
    area.setRangeText(`{{ ${name} }}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  }

  rows().forEach(enhance);
  dragRows(list, rows, drop);
  list.querySelectorAll("[data-row]").forEach((row) => {
    if (field(row, "DELETE").checked) row.hidden = true;
  });
  // the empty row is for those without this script; it is the last form, so nothing shifts
  const last = list.querySelector(`[name^="${prefix}-${total.value - 1}-"]`);
  const spare = last && last.closest("[data-row]");
  if (spare && rows().length > 1 && isBlank(spare)) {
    spare.remove();
    total.value = Number(total.value) - 1;
  }
  const addButton = editor.querySelector("[data-add]");
  addButton.hidden = false;
  addButton.addEventListener("click", add);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const row = button.closest("[data-row]");
    if (button.dataset.move) move(row, Number(button.dataset.move), button);
    else if ("remove" in button.dataset) remove(row);
  });
  list.addEventListener("focusin", (event) => {
    if (event.target.tagName === "TEXTAREA") lastText = event.target;
  });
  document.querySelectorAll("[data-insert]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => insert(button.dataset.insert));
  });
  number();
});
