// Marks what is Jinja in instructions while one types: a layer behind the text area shows it, so that the area itself
// stays a plain one. It helps the eye only; what may be published is decided on the server.
"use strict";

const BLOCK = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}|\{[{%#][^\n]*/g;
const TOKEN = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\d[\w.]*|[A-Za-z_]\w*|\s+|[\s\S]/g;
const WORDS = new Set(
  ("and as block else elif endfor endif endset filter for if ignore import in is not or recursive scoped set " +
    "true false none True False None loop with without").split(" ")
);
const BINDS = /\{%-?\s*(?:for\s+([\w\s,()]+?)\s+in\b|set\s+([\w\s,]+?)\s*(?:=|-?%\}))/g;

/** Return the names that the text itself makes, with `for` and `set`. */
function namesMadeIn(text) {
  return [...text.matchAll(BINDS)].flatMap((found) => (found[1] || found[2]).match(/\w+/g) || []);
}

/** Return a block of Jinja as `[text, kind]`: kind is "known", "unknown" or "" for what is no variable. */
function partsOf(block, known) {
  const tokens = block.match(TOKEN);
  let before = "";
  return tokens.map((token, index) => {
    const isName = /^[A-Za-z_]/.test(token) && !WORDS.has(token);
    const after = tokens.slice(index + 1).find((next) => next.trim()) || "";
    // what follows a dot, a bar or "is" belongs to what stands before it; "name=" is an argument
    const isPart = [".", "|", "is"].includes(before) || (after === "=" && !/^\{%-?\s*set\b/.test(block));
    if (token.trim() && !(before === "is" && token === "not")) before = token;
    return [token, isName && !isPart ? (known.has(token) ? "known" : "unknown") : ""];
  });
}

// what decides where a word stands
const MEASURES = ["font", "letterSpacing", "padding", "tabSize", "wordSpacing"];

function highlight(area, names) {
  const field = document.createElement("div");
  const layer = document.createElement("div");
  const shown = document.createElement("div");
  const hint = document.createElement("p");
  field.className = "prompt-field";
  layer.className = "prompt-layer";
  layer.setAttribute("aria-hidden", "true");
  hint.className = "prompt-hint";
  hint.id = `${area.id}_names`;
  area.before(field);
  MEASURES.forEach((name) => (shown.style[name] = getComputedStyle(area)[name]));
  layer.append(shown);
  field.append(layer, area);
  field.after(hint);
  area.setAttribute("aria-describedby", [area.getAttribute("aria-describedby"), hint.id].filter(Boolean).join(" "));

  function draw() {
    const text = area.value;
    const known = new Set([...names, ...namesMadeIn(text)]);
    const unknown = new Set();
    const pieces = [];
    let at = 0;
    for (const found of text.matchAll(BLOCK)) {
      pieces.push(text.slice(at, found.index));
      at = found.index + found[0].length;
      const mark = document.createElement("mark");
      const isOpen = !/[}%#]\}$/.test(found[0]);
      mark.className = isOpen ? "is-open" : "";
      if (found[0].startsWith("{#")) mark.append(found[0]);
      else {
        for (const [token, kind] of partsOf(found[0], known)) {
          if (!kind) {
            mark.append(token);
            continue;
          }
          const name = document.createElement("span");
          name.className = `is-${kind}`;
          name.textContent = token;
          mark.append(name);
          if (kind === "unknown") unknown.add(token);
        }
      }
      pieces.push(mark);
    }
    // a line end at the very end takes a line in a text area, but none in a block
    shown.replaceChildren(...pieces, `${text.slice(at)}\n`);
    const said = unknown.size ? `Not a variable: ${[...unknown].join(", ")}` : "";
    if (hint.textContent !== said) hint.textContent = said;
    follow();
  }

  function follow() {
    shown.style.width = `${area.clientWidth}px`; // a scroll bar takes some of it
    layer.scrollTop = area.scrollTop;
  }

  area.addEventListener("input", draw);
  area.addEventListener("scroll", follow, { passive: true });
  new ResizeObserver(follow).observe(area);
  draw();
}

/** Mark the instructions of a row. */
function highlightRow(row, names) {
  row.querySelectorAll("textarea[data-prompt]").forEach((area) => highlight(area, names));
}
