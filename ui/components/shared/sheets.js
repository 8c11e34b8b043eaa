// Sheets of pictures that one component of the page holds and others show.

// Every component is a module of its own: what they share lies on the page.
globalThis[Symbol.for("sheets of pictures")] ??= new Map();
const SHEETS = globalThis[Symbol.for("sheets of pictures")];

/** Of this name: {image, holders}, whose image may still be without its picture. */
function sheetNamed(name) {
  if (!SHEETS.has(name)) SHEETS.set(name, { image: new Image(), holders: 0 });
  return SHEETS.get(name);
}

function putSheet(name, url) {
  const sheet = sheetNamed(name);
  if (!sheet.holders) sheet.image.src = url;
  sheet.holders += 1;
}

function takeSheet(name) {
  const sheet = sheetNamed(name);
  sheet.holders -= 1;
  if (!sheet.holders) SHEETS.delete(name);
}
