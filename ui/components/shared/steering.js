// Positions in an image: the direction of arrow keys, and the position of a pointer.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Position of an event in an element that measures width × height units. */
function positionIn(element, { clientX, clientY }, { width, height }) {
  const box = element.getBoundingClientRect();
  return {
    x: ((clientX - box.left) / box.width) * width,
    y: ((clientY - box.top) / box.height) * height,
  };
}
