// Sheets of images that one component of the page provides and others show.

// Each component is a separate module, so the shared sheets are on `globalThis`.
globalThis[Symbol.for("sheets of pictures")] ??= new Map();
const SHEETS = globalThis[Symbol.for("sheets of pictures")];

/** The sheet with this name: {image, references}. The image may not be loaded yet. */
function sheetNamed(name) {
  if (!SHEETS.has(name)) SHEETS.set(name, { image: new Image(), references: 0 });
  return SHEETS.get(name);
}

function addSheet(name, url) {
  const sheet = sheetNamed(name);
  if (!sheet.references) sheet.image.src = url;
  sheet.references += 1;
}

function releaseSheet(name) {
  const sheet = sheetNamed(name);
  sheet.references -= 1;
  if (!sheet.references) SHEETS.delete(name);
}
