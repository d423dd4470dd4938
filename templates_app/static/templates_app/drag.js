// Rows that are dragged by their grips, with a mouse, a pen or a finger: a line shows where the row would go, and near
// the window's edge the page scrolls along. Escape takes it back. The keyboard has the buttons beside the grip.
"use strict";

const EDGE_PX = 70;
const STEP_PX = 14;
const BEGIN_PX = 4;

/** Let the grips within a list drag their rows. `rows()` are those that are shown; `drop(row, place)` moves one. */
function dragRows(list, rows, drop) {
  let held = null;

  const scroller = () => {
    for (let part = list.parentElement; part; part = part.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(part).overflowY) && part.scrollHeight > part.clientHeight) return part;
    }
    return document.scrollingElement;
  };

  function placeAt(y) {
    const others = rows().filter((row) => row !== held.row);
    const place = others.findIndex((row) => {
      const box = row.getBoundingClientRect();
      return y < box.top + box.height / 2;
    });
    return { others, place: place < 0 ? others.length : place };
  }

  function show() {
    const { others, place } = placeAt(held.y);
    held.place = place;
    others.forEach((row, index) => {
      row.classList.toggle("drop-before", index === place);
      row.classList.toggle("drop-after", place === others.length && index === place - 1);
    });
  }

  function follow() {
    if (!held || !held.isMoving) return;
    const up = held.y < EDGE_PX ? -STEP_PX : 0;
    const down = held.y > innerHeight - EDGE_PX ? STEP_PX : 0;
    if (up || down) {
      held.scroller.scrollBy(0, up + down);
      show();
    }
    requestAnimationFrame(follow);
  }

  function end(isDropped) {
    if (!held) return;
    const { row, place, isMoving, from } = held;
    held = null;
    list.classList.remove("is-dragging");
    row.classList.remove("is-dragged");
    list.querySelectorAll(".drop-before, .drop-after").forEach((other) => other.classList.remove("drop-before", "drop-after"));
    if (isDropped && isMoving && place !== from) drop(row, place);
  }

  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button !== 0 || held) return;
    event.preventDefault(); // no text is selected on the way
    const row = grip.closest("[data-row]");
    const from = rows().indexOf(row);
    held = { row, from, place: from, y: event.clientY, isMoving: false, scroller: scroller() };
    // how far the grip is from the pointer: a wheel moves the page under a pointer that rests
    const distance = () => grip.getBoundingClientRect().top - held.y;
    const began = distance();
    held.isAway = () => Math.abs(distance() - began) >= BEGIN_PX;
    grip.setPointerCapture(event.pointerId);
  });
  function moved() {
    if (!held.isMoving && held.isAway()) {
      held.isMoving = true;
      list.classList.add("is-dragging");
      held.row.classList.add("is-dragged");
      requestAnimationFrame(follow);
    }
    if (held.isMoving) show();
  }
  list.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.y = event.clientY;
    moved();
  });
  document.addEventListener("scroll", () => held && moved(), { capture: true, passive: true });
  list.addEventListener("pointerup", () => end(true));
  list.addEventListener("pointercancel", () => end(false));
  document.addEventListener("keydown", (event) => {
    if (held && event.key === "Escape") end(false);
  });
}
