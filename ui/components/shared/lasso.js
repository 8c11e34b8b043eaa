// Points inside a drawn outline, and points near a position.

/** Which points lie inside a polygon, by the even-odd rule.
 *
 *  `positions` and `polygon` alternate x and y; the last corner is joined to the first.
 *  → one byte (0 or 1) per point */
function insidePolygon(positions, polygon) {
  const count = positions.length / 2;
  const inside = new Uint8Array(count);
  const corners = polygon.length / 2;
  if (corners < 3) return inside;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let j = 0; j < corners; j += 1) {
    left = Math.min(left, polygon[2 * j]);
    right = Math.max(right, polygon[2 * j]);
    top = Math.min(top, polygon[2 * j + 1]);
    bottom = Math.max(bottom, polygon[2 * j + 1]);
  }
  for (let i = 0; i < count; i += 1) {
    const x = positions[2 * i];
    const y = positions[2 * i + 1];
    if (x < left || x > right || y < top || y > bottom) continue;
    let odd = 0;
    for (let j = 0, k = corners - 1; j < corners; k = j, j += 1) {
      const yj = polygon[2 * j + 1];
      const yk = polygon[2 * k + 1];
      if (yj > y === yk > y) continue; // the edge does not cross the height of the point
      const xj = polygon[2 * j];
      if (x < xj + ((y - yj) / (yk - yj)) * (polygon[2 * k] - xj)) odd ^= 1;
    }
    inside[i] = odd;
  }
  return inside;
}

/** The indices of the `wanted` points nearest to (x, y), the nearest first. */
function nearestPoints(positions, x, y, wanted) {
  const squares = new Float64Array(positions.length / 2);
  for (let i = 0; i < squares.length; i += 1) {
    squares[i] = (positions[2 * i] - x) ** 2 + (positions[2 * i + 1] - y) ** 2;
  }
  const order = Array.from(squares.keys()).sort((i, j) => squares[i] - squares[j]);
  return order.slice(0, wanted);
}

/** The point nearest to (x, y) within a distance; −1 if there is none. */
function nearestPoint(positions, x, y, within = Infinity) {
  let [nearest, least] = [-1, within ** 2];
  for (let i = 0; 2 * i < positions.length; i += 1) {
    const square = (positions[2 * i] - x) ** 2 + (positions[2 * i + 1] - y) ** 2;
    if (square <= least) [nearest, least] = [i, square];
  }
  return nearest;
}
