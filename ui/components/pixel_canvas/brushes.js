// Brushes and the paths of strokes.

/** The cells under a round brush, as offsets [dx, dy] from its upper left corner. */
function footprint(size) {
  const cells = [];
  for (let dy = 0; dy < size; dy++)
    for (let dx = 0; dx < size; dx++)
      // Sizes 1 to 3 are full squares: √2 ≤ 3/2.
      if (Math.hypot(dx - (size - 1) / 2, dy - (size - 1) / 2) <= size / 2) cells.push([dx, dy]);
  return cells;
}

/** The cells from `a` to `b`, both included, without gaps (Bresenham). */
function* line([x, y], [x1, y1]) {
  const dx = Math.abs(x1 - x);
  const dy = -Math.abs(y1 - y);
  const stepX = x < x1 ? 1 : -1;
  const stepY = y < y1 ? 1 : -1;
  let error = dx + dy;
  for (;;) {
    yield [x, y];
    if (x === x1 && y === y1) return;
    const twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x += stepX;
    }
    if (twice <= dx) {
      error += dx;
      y += stepY;
    }
  }
}

/** The border of a set of cells as a path; see `border`. */
function outline(inside, left, top, width, height, cell) {
  const path = new Path2D();
  for (const [x, y, toX, toY] of border(inside, left, top, width, height)) {
    path.moveTo(x * cell, y * cell);
    path.lineTo(toX * cell, toY * cell);
  }
  return path;
}

/** A smoothed path: a quadratic B-spline whose control points are means of the pointer positions
 *  along each `gap` of the path. Yields straight pieces [from, to]. */
class SmoothPath {
  constructor(start, gap) {
    this.at = start; // end of the drawn part
    this.control = start;
    this.last = start;
    this.gap = gap;
    this.since = []; // positions after the last control point
  }

  *to(point) {
    this.last = point;
    this.since.push(point);
    if (distance(point, this.control) < this.gap) return;
    const next = mean(this.since);
    const middle = mean([this.control, next]);
    yield* bend(this.at, this.control, middle);
    this.at = middle;
    this.control = next;
    this.since = [];
  }

  *end() {
    yield* bend(this.at, this.control, this.last);
  }
}

/** The path of a pointer without smoothing. */
class PlainPath {
  constructor(start) {
    this.at = start;
  }

  *to(point) {
    yield [this.at, point];
    this.at = point;
  }

  *end() {}
}

function distance([x, y], [x1, y1]) {
  return Math.hypot(x1 - x, y1 - y);
}

function mean(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

/** A quadratic Bézier curve in pieces about two units long. */
function* bend(from, control, to) {
  const pieces = Math.ceil((distance(from, control) + distance(control, to)) / 2);
  let last = from;
  for (let i = 1; i <= pieces; i++) {
    const t = i / pieces;
    const at = [0, 1].map(
      (axis) => (1 - t) ** 2 * from[axis] + 2 * t * (1 - t) * control[axis] + t ** 2 * to[axis],
    );
    yield [last, at];
    last = at;
  }
}
