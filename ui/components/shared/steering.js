// A position in a picture, by pointer or by arrow keys.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Where an event is in an element that measures width × height units. */
function positionIn(element, { clientX, clientY }, { width, height }) {
  const box = element.getBoundingClientRect();
  return {
    x: ((clientX - box.left) / box.width) * width,
    y: ((clientY - box.top) / box.height) * height,
  };
}
