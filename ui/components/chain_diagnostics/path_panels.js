// The panels of the chains' paths: one per sampler.

const HIT = 24; // pixels within which a pointer hits a chain

/** `pair`: indices of the two latents; `reach`: half the side of the square that is drawn. */
class PathPanel {
  constructor(charts, s, { pair, reach, ink, paper }) {
    const { data, strokes } = charts;
    Object.assign(this, { charts, s, pair, reach, ink, paper });
    this.title = data.samplers[s];
    this.stroke = strokes[s];
    this.latents = data.latents.length;
    this.names = pair.map((position) => `z${data.latents[position] + 1}`);
    const latents = this.names.join(" and ");
    this.label = `Paths of ${this.title} in latents ${latents}. ${data.sentences[s][0]}`;
  }

  draw(drawn, width) {
    const size = Math.floor(width);
    const pixels = Math.round(size * (devicePixelRatio || 1));
    if (drawn.width !== pixels) drawn.width = drawn.height = pixels;
    this.drawn = drawn;
    this.frame = frameFor(size, this.reach);
    const line = readColour(this.charts.root, this.stroke.colour);
    this.colours = { ink: this.ink, paper: this.paper, line };
  }

  /** The newest iteration, and the chain at a position in pixels; −1: none. */
  find(x, y) {
    const { number } = this.charts.position(null);
    const state = this.charts.kept.points.get(number)[this.s];
    const points = positionsAt(state, this.pair, this.latents, this.frame);
    const distances = points.map(([left, top]) => Math.hypot(left - x, top - y));
    const nearest = Math.min(...distances);
    return { at: number, chain: nearest < HIT ? distances.indexOf(nearest) : -1 };
  }

  /** Draw the paths up to the cursor. → the position of the chain as text */
  move({ index: last, number, frame: frameNumber }) {
    const { s, pair, latents, colours, frame, names } = this;
    const { kept, shownChain: chain } = this.charts;
    const state = kept.frames.get(frameNumber)[s];
    const proposal = marginalOf(state, chain, pair, latents);
    const drawing = { kept, s, pair, latents, last, proposal, chain, colours, frame };
    drawPaths(this.drawn, drawing);
    const { z } = kept.points.get(number)[s];
    const at = pair.map((i, axis) => `${names[axis]} ${numberText(z[chain * latents + i], 2)}`);
    return `iteration ${number}, chain ${chain + 1}: ${at.join(", ")}${unmovedText(state, chain)}`;
  }
}

function pathPanels(charts) {
  const { data, kept, root, pair } = charts;
  const [ink, paper] = [readColour(root, "var(--ink)"), readColour(root, "var(--paper)")];
  const reach = reachOf(kept, data.samplers.length, pair, data.latents.length, data.warmup);
  return data.samplers.map((_, s) => new PathPanel(charts, s, { pair, reach, ink, paper }));
}
