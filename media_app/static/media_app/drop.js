// Files can be dragged onto the field; what was chosen is listed before it is sent. Without this the field is as it is.
(() => {
  const place = document.querySelector("[data-drop]");
  const field = place.querySelector("input[type=file]");
  const chosen = place.querySelector("[data-chosen]");

  function list() {
    chosen.replaceChildren(...[...field.files].map((file) => {
      const line = document.createElement("li");
      line.textContent = `${file.name} (${Math.ceil(file.size / 1024).toLocaleString("en")} KB)`;
      return line;
    }));
  }

  // caught on its way: unfold writes the name of a chosen file into the next text field, which is the tags
  place.addEventListener("change", (event) => {
    event.stopPropagation();
    list();
  }, true);
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.add("is-over");
    });
  }
  for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, () => place.classList.remove("is-over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    list();
  });
})();
