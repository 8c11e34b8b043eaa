// Provides a sheet of images for as long as the component is on the page.

export default component({
  create: (parent) => ({ root: parent.querySelector(".picture-sheet"), name: null }),
  update(sheet, { data }) {
    if (sheet.name === data.name) return;
    if (sheet.name) releaseSheet(sheet.name);
    sheet.name = data.name;
    addSheet(data.name, data.url);
  },
  destroy: (sheet) => sheet.name && releaseSheet(sheet.name),
});
