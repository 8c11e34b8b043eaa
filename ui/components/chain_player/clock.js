// The position in time: following the newest frame, playing at a chosen speed, or paused.

const FOLLOW_DELAY = 0.4; // seconds in which waiting frames are played while following

/** Calls player.show() when the frame changes, and player.showMode(). */
class Clock {
  constructor(player) {
    this.player = player;
    this.request = 0;
    this.reset();
  }

  reset() {
    this.cancel();
    this.started = false;
    this.mode = "paused";
    this.position = 0; // in frames; a fraction while the clock runs
  }

  get shown() {
    return Math.floor(this.position);
  }

  get newest() {
    return this.player.frames.newest;
  }

  get running() {
    return this.player.data.state === "running";
  }

  /** Start at the first frame, or follow the frames that have arrived. */
  update() {
    if (!this.started && this.newest >= 0) this.begin();
    else if (this.mode === "following") this.follow();
  }

  begin() {
    this.started = true;
    if (this.running) {
      this.position = this.player.frames.available(0);
      this.setMode("following");
    } else if (this.player.data.autoplay && !reducedMotion()) {
      this.position = 0;
      this.setMode("playing");
    } else {
      this.position = this.newest;
      this.setMode("paused");
    }
  }

  setMode(mode) {
    this.mode = mode;
    this.player.showMode(mode);
    if (mode === "following") this.follow();
    else if (mode === "playing") this.start();
    else this.cancel();
  }

  follow() {
    if (reducedMotion()) this.position = this.newest;
    if (this.position >= this.newest) this.stopAtNewest();
    else this.start();
  }

  /** Wait for more frames while the chains run, else pause. */
  stopAtNewest() {
    this.cancel();
    if (!this.running) return this.setMode("paused");
    this.mode = "following";
    this.player.root.dataset.mode = this.mode;
  }

  start() {
    if (this.request) return;
    this.time = performance.now();
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  cancel() {
    cancelAnimationFrame(this.request);
    this.request = 0;
  }

  tick(now) {
    this.request = 0;
    const seconds = Math.min(Math.max(now - this.time, 0) / 1000, 0.25);
    this.time = now;
    const before = this.shown;
    this.position = Math.min(this.position + seconds * this.pace(), this.newest);
    if (this.shown !== before) this.player.show();
    if (this.position >= this.newest) this.stopAtNewest();
    else this.request = requestAnimationFrame((time) => this.tick(time));
  }

  /** Frames per second. While following, the waiting frames are played evenly in `FOLLOW_DELAY`, at
   *  most at the chosen speed, unless the player is more than half a second late. */
  pace() {
    const speed = Number(this.player.speed.value);
    if (this.mode !== "following") return speed;
    const backlog = this.newest - this.position;
    const even = Math.max(backlog / FOLLOW_DELAY, 4);
    return backlog > speed / 2 ? even : Math.min(even, speed);
  }

  play() {
    if (this.newest < 0) return;
    if (this.position >= this.newest) {
      if (this.running) return this.setMode("following");
      this.position = 0;
      this.player.show();
    }
    this.setMode("playing");
  }

  toggle() {
    if (this.mode === "paused") this.play();
    else this.setMode("paused");
  }

  seek(index) {
    if (this.newest < 0) return;
    this.position = Math.min(Math.max(index, 0), this.newest);
    this.setMode("paused");
    this.player.show();
  }

  step(by) {
    this.seek(this.shown + by);
  }
}
