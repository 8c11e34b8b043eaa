// Provides a sheet of images for as long as the component is on the page.

class PictureSheet {
  constructor(parent) {
    this.root = parent.querySelector(".picture-sheet");
    this.name = null;
  }

  dispose() {
    if (this.name) releaseSheet(this.name);
  }

  update({ data: { name, url } }) {
    if (this.name === name) return;
    this.dispose();
    this.name = name;
    addSheet(name, url);
  }
}

export default component(PictureSheet);
