// Rows of a list in a form: add, remove, move, by mouse and by keyboard. The order on the page is the order that counts.
(() => {
  const form = document.querySelector("[data-result]");
  if (!form) return;
  let made = Date.now() % 1000;
  let isChanged = false;

  function add(list) {
    const blank = list.querySelector(":scope > template").content.firstElementChild;
    const row = blank.cloneNode(true);
    const from = `${list.dataset.rows}/0-new`;
    const token = `0-${++made}`;
    const renamed = (name) => (name.startsWith(from) ? `${list.dataset.rows}/${token}${name.slice(from.length)}` : name);
    for (const field of row.querySelectorAll("[name]")) field.name = renamed(field.name);
    for (const inner of row.querySelectorAll("[data-rows]")) inner.dataset.rows = renamed(inner.dataset.rows);
    row.querySelector("input[type=hidden]").value = token;
    list.querySelector(":scope > [data-list]").append(row);
    row.querySelector("textarea, input:not([type=hidden]), select")?.focus();
  }

  function remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const add = row.closest("[data-rows]").querySelector(":scope > [data-add]");
    row.remove();
    (next?.querySelector("[data-remove]") ?? add)?.focus();
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[type=button]");
    if (!button) return;
    isChanged = true;
    const row = button.closest("[data-row]");
    if (button.matches("[data-add]")) return add(button.closest("[data-rows]"));
    if (button.matches("[data-remove]")) return remove(row);
    if (button.matches("[data-up]")) row.previousElementSibling?.before(row);
    if (button.matches("[data-down]")) row.nextElementSibling?.after(row);
    button.focus();
  });

  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", () => { isChanged = false; });
  window.addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
})();
