// Files can be dragged onto the page; what was chosen is listed before it is sent. Without this the field is as it is.
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

  /** Add to what was chosen: who drags from two folders means both. */
  function add(files) {
    const all = new DataTransfer();
    for (const file of [...field.files, ...files]) all.items.add(file);
    field.files = all.files;
    list();
  }

  const carriesFiles = (event) => event.dataTransfer.types.includes("Files"); // a text may be dragged into a field

  // caught on its way: unfold writes the name of a chosen file into the next text field, which is the tags
  place.addEventListener("change", (event) => {
    event.stopPropagation();
    list();
  }, true);
  // anywhere on the page: beside the place the browser would leave the page and show the file
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      place.classList.add("is-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) place.classList.remove("is-over"); // it left the window
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    place.classList.remove("is-over");
    add(event.dataTransfer.files);
  });
})();
