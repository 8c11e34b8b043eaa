// Provides a sheet of images for as long as the component is on the page.

export default component({
  create: (parent) => ({ root: parent.querySelector(".picture-sheet"), name: null }),
  update(sheet, { data }) {
    if (sheet.name === data.name) return;
    if (sheet.name) takeSheet(sheet.name);
    sheet.name = data.name;
    putSheet(data.name, data.url);
  },
  destroy: (sheet) => sheet.name && takeSheet(sheet.name),
});
