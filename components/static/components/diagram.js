// Draws the picture of a pipeline anew while its rows change: the same marks as components/diagram.html.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const flow = document.querySelector("[data-flow]");
  const list = document.querySelector("[data-sections] [data-rows]");
  if (!flow || !list) return;

  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const part = (kind, text, className = "") => {
    const made = document.createElement(kind);
    made.textContent = text;
    made.className = className;
    return made;
  };

  function named(select) {
    const id = select.value;
    const label = select.selectedOptions[0]?.textContent || "";
    const isSetting = label.endsWith(` (${id})`);
    return { id, name: isSetting ? label.slice(0, -id.length - 3) : id };
  }

  function notesOf(row) {
    const own = field(row, "overrides").value.split("\n").filter((line) => line.trim());
    const when = field(row, "when").value.trim();
    return [
      own.length && `own ${own.map((line) => line.split(":")[0].trim()).join(", ")}`,
      when && `only when ${when}`,
      field(row, "on_error").value === "skip" && "may fail",
    ].filter(Boolean);
  }

  function nodeOf(row) {
    const { id, name } = named(field(row, "component"));
    const notes = notesOf(row);
    const node = part("div", "", "flow-node");
    node.classList.toggle("is-conditional", notes.some((note) => note.startsWith("only when")));
    node.classList.toggle("is-open", !id);
    node.append(part("strong", name || "Choose a component"));
    if (id && id !== name) node.append(part("code", id));
    node.append(...notes.map((note) => part("small", note)));
    return node;
  }

  function draw() {
    const stages = [];
    for (const row of list.querySelectorAll(":scope > [data-row]:not([hidden])")) {
      const isBeside = field(row, "beside").checked && stages.length;
      if (isBeside) stages.at(-1).push(nodeOf(row));
      else stages.push([nodeOf(row)]);
    }
    flow.replaceChildren(
      ...stages.map((nodes) => {
        const stage = part("li", "", nodes.length > 1 ? "flow-stage is-parallel" : "flow-stage");
        if (nodes.length > 1) stage.append(part("span", "at the same time", "flow-beside"));
        stage.append(...nodes);
        return stage;
      })
    );
  }

  list.addEventListener("input", draw);
  list.addEventListener("change", draw); // also what sections.js says when rows come, go or move
  draw();
});
