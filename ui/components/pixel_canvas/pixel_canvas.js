// A grid of pixels to paint on. The browser owns the pixels: Python replaces them only by a new
// `rev`, and hears of them, packed to bits, after each finished stroke.

const UNDO_DEPTH = 100
const numbers = new Map() // Python's key → last stroke number; it grows on when a canvas comes back

export default component({
  create: (parent) => new Board(parent),
  update: (board, { data, setStateValue }) => board.update(data, setStateValue),
  destroy: (board) => board.dispose(),
})

// --- Brushes, lines -----------------------------------------------------------------------------

/** Offsets [dx, dy] of the cells under a brush, from its upper left corner: a pixelled disc. */
function footprint(size) {
  const cells = []
  for (let dy = 0; dy < size; dy++)
    for (let dx = 0; dx < size; dx++)
      // Sizes 1 to 3 are full squares: √2 ≤ 3/2.
      if (Math.hypot(dx - (size - 1) / 2, dy - (size - 1) / 2) <= size / 2) cells.push([dx, dy])
  return cells
}

/** The cells from `a` to `b`, both included, without gaps (Bresenham). */
function* line([x, y], [x1, y1]) {
  const dx = Math.abs(x1 - x)
  const dy = -Math.abs(y1 - y)
  const stepX = x < x1 ? 1 : -1
  const stepY = y < y1 ? 1 : -1
  let error = dx + dy
  for (;;) {
    yield [x, y]
    if (x === x1 && y === y1) return
    const twice = 2 * error
    if (twice >= dy) (error += dy), (x += stepX)
    if (twice <= dx) (error += dx), (y += stepY)
  }
}

/** The border of a set of cells as a path; see `border`. */
function outline(inside, left, top, width, height, cell) {
  const path = new Path2D()
  for (const [x, y, toX, toY] of border(inside, left, top, width, height)) {
    path.moveTo(x * cell, y * cell)
    path.lineTo(toX * cell, toY * cell)
  }
  return path
}

// --- One canvas on screen -----------------------------------------------------------------------

class Board {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector)
    this.root = find(".pixel-canvas")
    this.canvas = find(".board")
    this.label = find(".label")
    this.count = find(".count")
    this.status = find("[role=status]")
    this.slider = find("input")
    this.tip = find(".tip path")
    this.buttons = Object.fromEntries(
      [...parent.querySelectorAll("[data-act]")].map((button) => [button.dataset.act, button]),
    )
    this.data = null
    this.bits = new Uint8Array(0)
    this.undone = []
    this.done = []
    this.erasing = false
    this.stroke = null // while painting: {before, value, at, pointer}
    this.spot = null // where the brush is shown, in cells: {x, y}
    this.cursor = null // the cell of the keyboard: [x, y]
    this.frame = 0
    this.setBrush(3)
    this.listen()
  }

  dispose() {
    cancelAnimationFrame(this.frame)
    this.observer.disconnect()
    window.removeEventListener("resize", this.onresize)
  }

  /** New data or a new theme. The pixels follow only a new revision or another size of grid. */
  update(data, send) {
    const last = this.data
    this.data = data
    this.send = send
    const { width, height } = data
    const resized = last?.width !== width || last?.height !== height
    if (resized || last.rev !== data.rev) {
      const bits = unpack(bytesOf(data.bits), width * height)
      this.stroke = null
      if (resized) {
        this.done = []
        this.undone = []
        this.cursor = [width >> 1, height >> 1]
        this.spot = null
      } else if (pack(bits) !== pack(this.bits)) this.remember(this.bits)
      this.bits = bits
      if (!resized) this.status.textContent = this.summary()
    }
    if (resized || last.background?.bytes !== data.background?.bytes) {
      this.picture = data.background && this.pictureOf(data.background)
    }
    this.label.textContent = data.label
    this.canvas.setAttribute("aria-label", data.label)
    this.layout()
  }

  pictureOf({ channels, bytes }) {
    const { width, height } = this.data
    const raw = bytesOf(bytes)
    const image = new ImageData(width, height)
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = raw[channels * i + (c % channels)]
      image.data[4 * i + 3] = 255
    }
    const picture = Object.assign(document.createElement("canvas"), { width, height })
    picture.getContext("2d").putImageData(image, 0, 0)
    return picture
  }

  // --- Painting

  /** Position in cells, as fractions → the brush's upper left cell. */
  corner({ x, y }) {
    return [Math.round(x - this.size / 2), Math.round(y - this.size / 2)]
  }

  begin(spot, erase, pointer = null) {
    this.stroke = { before: this.bits, value: erase ? 0 : 1, at: this.corner(spot), pointer }
    this.bits = this.bits.slice()
    this.paintTo(spot)
  }

  paintTo(spot) {
    const { width, height } = this.data
    const goal = this.corner(spot)
    for (const [left, top] of line(this.stroke.at, goal))
      for (const [dx, dy] of this.brush) {
        const x = left + dx
        const y = top + dy
        if (x >= 0 && x < width && y >= 0 && y < height)
          this.bits[y * width + x] = this.stroke.value
      }
    this.stroke.at = goal
    this.spot = spot
    this.redraw()
  }

  end({ keep = true } = {}) {
    if (!this.stroke) return
    const { before } = this.stroke
    this.stroke = null
    const changed = this.bits.some((bit, i) => bit !== before[i])
    if (keep && changed) {
      this.remember(before)
      this.emit()
    } else this.bits = before
    this.redraw()
  }

  remember(bits) {
    this.done.push(bits)
    if (this.done.length > UNDO_DEPTH) this.done.shift()
    this.undone = []
  }

  /** Tell Python, and who listens, of the pixels as they are now. */
  emit() {
    const { key, width, height, rev } = this.data
    const stroke = (numbers.get(key) ?? 0) + 1
    numbers.set(key, stroke)
    this.send("pixels", { bits: pack(this.bits), width, height, stroke, rev })
    this.status.textContent = this.summary()
    this.redraw()
  }

  summary() {
    const painted = this.bits.reduce((sum, bit) => sum + bit, 0)
    const what = this.data.mode === "ink" ? "inked" : "hidden"
    return `${painted} of ${this.bits.length} pixels ${what}`
  }

  // --- Commands of the buttons and keys

  eraser() {
    this.erasing = !this.erasing
    this.buttons.eraser.setAttribute("aria-pressed", this.erasing)
    this.redraw()
  }

  undo() {
    this.travel(this.done, this.undone)
  }

  redo() {
    this.travel(this.undone, this.done)
  }

  travel(from, to) {
    this.end()
    if (!from.length) return
    to.push(this.bits)
    this.bits = from.pop()
    this.emit()
  }

  invert() {
    this.replace((bit) => 1 - bit)
  }

  clear() {
    if (this.bits.includes(1)) this.replace(() => 0)
  }

  replace(change) {
    this.end()
    this.remember(this.bits)
    this.bits = this.bits.map(change)
    this.emit()
  }

  setBrush(size) {
    this.size = Math.min(9, Math.max(1, size))
    this.brush = footprint(this.size)
    this.slider.value = this.size
    this.slider.setAttribute("aria-valuetext", `${this.size} pixel${this.size > 1 ? "s" : ""}`)
    // The track is filled up to the middle of the thumb.
    const part = (this.size - 1) / 8
    const middle = `calc(${part} * (100% - var(--thumb)) + var(--thumb) / 2)`
    this.slider.style.setProperty("--filled", middle)
    const shift = 9 - this.size // centred in 18 units, two a cell
    this.tip.setAttribute(
      "d",
      this.brush.map(([x, y]) => `M${2 * x + shift} ${2 * y + shift}h2v2h-2z`).join(""),
    )
    this.redraw()
  }

  // --- Input

  listen() {
    const { canvas, root } = this
    canvas.onpointerdown = (e) => {
      if (!e.isPrimary || this.stroke || e.button === 1) return
      canvas.setPointerCapture(e.pointerId)
      // Right button, Shift, or the far end of a pen erases.
      const erase = this.erasing || e.shiftKey || e.button === 2 || e.button === 5
      this.begin(this.follow(e), erase, e.pointerId)
    }
    canvas.onpointermove = (e) => {
      if (!e.isPrimary) return
      const spot = this.follow(e)
      if (this.stroke?.pointer === e.pointerId) {
        for (const each of e.getCoalescedEvents?.() ?? [])
          this.paintTo(positionIn(canvas, each, this.data))
        this.paintTo(spot)
      } else if (!this.stroke) {
        this.spot = spot
        this.redraw()
      }
    }
    const finish = (keep) => (e) => {
      if (this.stroke?.pointer !== e.pointerId) return
      if (e.pointerType === "touch") this.spot = null
      this.end({ keep })
    }
    canvas.onpointerup = finish(true)
    canvas.onlostpointercapture = finish(true)
    canvas.onpointercancel = finish(false)
    canvas.onpointerleave = () => {
      if (this.stroke) return
      this.spot = null
      this.redraw()
    }
    canvas.oncontextmenu = (e) => e.preventDefault()
    canvas.onkeydown = (e) => this.steer(e)
    canvas.onkeyup = (e) => {
      if (e.key === " " && this.stroke?.pointer === null) this.end()
    }
    canvas.onfocus = () => {
      if (canvas.matches(":focus-visible")) this.showCursor()
    }
    canvas.onblur = () => {
      if (this.stroke?.pointer === null) this.end()
      this.spot = null
      this.redraw()
    }
    root.onkeydown = (e) => this.shortcut(e)
    this.slider.oninput = () => this.setBrush(this.slider.valueAsNumber)
    for (const [act, button] of Object.entries(this.buttons)) {
      button.onclick = () => this[act]()
    }
    this.onresize = () => this.layout() // zoom changes the size of a screen pixel
    window.addEventListener("resize", this.onresize)
    this.observer = new ResizeObserver(this.onresize)
    this.observer.observe(root)
  }

  /** Keep the keyboard's cell where the pointer is, so that the two can take turns. */
  follow(event) {
    const spot = positionIn(this.canvas, event, this.data)
    this.moveCursor(Math.floor(spot.x), Math.floor(spot.y))
    return spot
  }

  moveCursor(x, y) {
    const { width, height } = this.data
    this.cursor = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))]
  }

  showCursor() {
    this.spot = { x: this.cursor[0] + 0.5, y: this.cursor[1] + 0.5 }
    this.redraw()
  }

  /** Arrow keys and Space, on the grid only. */
  steer(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const [x, y] = this.cursor
    if (e.key in ARROWS) {
      const [dx, dy] = ARROWS[e.key]
      this.moveCursor(x + dx, y + dy)
      this.showCursor()
      if (this.stroke?.pointer === null) this.paintTo(this.spot)
      else this.status.textContent = this.whereabouts()
    } else if (e.key === " ") {
      this.showCursor()
      if (!e.repeat && !this.stroke) this.begin(this.spot, this.erasing || e.shiftKey)
    } else return
    e.preventDefault()
  }

  whereabouts() {
    const [x, y] = this.cursor
    const painted = this.bits[y * this.data.width + x]
    const state = this.data.mode === "ink" ? ["blank", "inked"] : ["visible", "hidden"]
    return `Row ${y + 1}, column ${x + 1}, ${state[painted]}`
  }

  /** Keys that work anywhere in the component. Nothing but Tab and Escape leaves it: the page
   *  around has hotkeys of its own (R reruns, C clears caches). */
  shortcut(e) {
    if (e.key === "Tab" || e.key === "Escape") return
    e.stopPropagation()
    const act = this.commandOf(e)
    if (!act) return
    e.preventDefault()
    act()
  }

  commandOf(e) {
    const key = e.key.toLowerCase()
    if (e.altKey) return null
    if (e.ctrlKey || e.metaKey) {
      if (key === "z") return e.shiftKey ? () => this.redo() : () => this.undo()
      return key === "y" ? () => this.redo() : null
    }
    if (/^[1-9]$/.test(key)) return () => this.setBrush(Number(key))
    if (e.repeat && key !== "u") return null
    const acts = { e: "eraser", u: "undo", i: "invert", c: "clear", delete: "clear" }
    return key in acts ? () => this[acts[key]]() : null
  }

  // --- Drawing

  /** A whole number of screen pixels a cell, as many as fit: crisp squares at any zoom. */
  layout() {
    if (!this.data) return
    const { width, height, maxWidth } = this.data
    const ratio = window.devicePixelRatio || 1
    const room = Math.min(this.root.clientWidth, maxWidth) * ratio
    this.cell = Math.max(1, Math.floor(room / width))
    const { canvas } = this
    if (canvas.width !== width * this.cell || canvas.height !== height * this.cell) {
      canvas.width = width * this.cell
      canvas.height = height * this.cell
    }
    canvas.style.width = `${canvas.width / ratio}px`
    canvas.style.height = `${canvas.height / ratio}px`
    this.root.style.setProperty("--board-width", canvas.style.width)
    this.paint()
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => this.paint())
  }

  paint() {
    cancelAnimationFrame(this.frame)
    this.frame = 0
    if (!this.data) return
    const context = this.canvas.getContext("2d")
    const style = getComputedStyle(this.root)
    const colour = (name) => style.getPropertyValue(`--st-${name}`).trim()
    const pixel = Math.max(1, Math.round(window.devicePixelRatio || 1))
    context.imageSmoothingEnabled = false
    context.lineCap = "square" // closes the corners of outlines
    if (this.data.mode === "ink") this.paintInk(context)
    else this.paintMask(context, colour, pixel)
    this.paintGrid(context, pixel)
    if (this.spot) this.paintBrush(context, pixel)
    this.count.textContent = this.summary()
    this.buttons.undo.setAttribute("aria-disabled", !this.done.length)
    this.buttons.redo.setAttribute("aria-disabled", !this.undone.length)
  }

  /** Fill the painted cells, one rectangle for each run in a row. */
  fillPainted(context) {
    const { width, height } = this.data
    for (let y = 0; y < height; y++)
      for (let x = 0, from; x < width; x++) {
        if (!this.bits[y * width + x]) continue
        for (from = x; x < width && this.bits[y * width + x]; ) x++
        context.fillRect(from * this.cell, y * this.cell, (x - from) * this.cell, this.cell)
      }
  }

  paintInk(context) {
    context.fillStyle = "#000"
    context.fillRect(0, 0, this.canvas.width, this.canvas.height)
    context.fillStyle = "#fff"
    this.fillPainted(context)
  }

  paintMask(context, colour, pixel) {
    const { width, height, peek } = this.data
    context.fillStyle = colour("background-color")
    context.fillRect(0, 0, this.canvas.width, this.canvas.height)
    if (this.picture) context.drawImage(this.picture, 0, 0, this.canvas.width, this.canvas.height)
    context.globalAlpha = peek && this.picture ? 0.8 : 1
    context.fillStyle = HIDDEN
    this.fillPainted(context)
    context.globalAlpha = 1
    context.fillStyle = this.hatch(context, "#fff", pixel)
    this.fillPainted(context)
    const hidden = isSetIn(this.bits, width, height)
    context.strokeStyle = colour("primary-color")
    context.lineWidth = pixel
    context.stroke(outline(hidden, 0, 0, width, height, this.cell))
  }

  /** Diagonal lines that run on from cell to cell. */
  hatch(context, colour, pixel) {
    const side = 6 * pixel
    const tile = Object.assign(document.createElement("canvas"), { width: side, height: side })
    const pen = tile.getContext("2d")
    pen.strokeStyle = colour
    pen.globalAlpha = 0.4
    pen.lineWidth = 1.25 * pixel
    for (const shift of [-side, 0, side]) {
      pen.moveTo(shift - side, 2 * side)
      pen.lineTo(shift + 2 * side, -side)
    }
    pen.stroke()
    return context.createPattern(tile, "repeat")
  }

  /** Fainter for smaller cells, where lines would veil the picture. */
  paintGrid(context, pixel) {
    context.fillStyle = `rgb(128 128 128 / ${Math.min(22, (1.8 * this.cell) / pixel)}%)`
    for (let x = this.cell; x < this.canvas.width; x += this.cell)
      context.fillRect(x, 0, 1, this.canvas.height)
    for (let y = this.cell; y < this.canvas.height; y += this.cell)
      context.fillRect(0, y, this.canvas.width, 1)
  }

  /** The brush's outline, dark under light so that it shows on every picture; dashed to erase. */
  paintBrush(context, pixel) {
    const [left, top] = this.corner(this.spot)
    const cells = new Set(this.brush.map(([dx, dy]) => `${left + dx} ${top + dy}`))
    const inside = (x, y) => cells.has(`${x} ${y}`)
    const edge = outline(inside, left, top, this.size, this.size, this.cell)
    const erase = this.stroke ? this.stroke.value === 0 : this.erasing
    context.strokeStyle = "#000"
    context.lineWidth = 3 * pixel
    context.stroke(edge)
    context.setLineDash(erase ? [3 * pixel, 3 * pixel] : [])
    context.strokeStyle = "#fff"
    context.lineWidth = pixel
    context.stroke(edge)
    context.setLineDash([])
  }
}
