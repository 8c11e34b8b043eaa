// What an iteration of a sampler says in words and numbers.

const STATES = { running: "running", stopped: "stopped early", failed: "failed" };

const numberOf = (value, decimals) => (Number.isFinite(value) ? numberText(value, decimals) : "–");
const percent = (value) => (Number.isFinite(value) ? `${Math.round(100 * value)} %` : "–");

/** The position in time: iteration t, counted from 0, or −1 before the first. */
function positionText({ iterations }, t) {
  if (t < 0) return `before the first of ${iterations}`;
  return `iteration ${t + 1} of ${iterations}`;
}

/** The line below the small plane of a sampler; `rate` is its running mean of the acceptance. */
function summaryOf(track, t, rate) {
  const accepted = track.name === "LAIR" ? "ESS" : "accepted";
  return `TV ${numberOf(distanceAt(track, t), 2)}, ${accepted} ${percent(rate)}`;
}

/** Names and values of the numbers of a sampler and one of its chains. */
function figuresOf(track, { chains }, t, chain, rate) {
  const name = track.name === "LAIR" ? "ESS of the proposals, so far" : "Accepted, so far";
  const logPosterior = t < 0 ? "–" : numberText(track.logPosterior[t * chains + chain], 1);
  return [
    [name, percent(rate)],
    ["Total variation, so far", numberOf(distanceAt(track, t), 2)],
    ["log p(z | x_obs) now", logPosterior],
  ];
}

function sentenceOf(track, { warmup }, t, chain) {
  const who = `Chain ${chain + 1}`;
  if (t < 0) return "Before the first iteration: hidden pixels have their starting values.";
  if (t < warmup) return `Warm-up by pseudo-Gibbs. ${who} accepts every proposal.`;
  if (track.name === "LAIR") {
    const [from, end] = [t * track.proposals, (t + 1) * track.proposals];
    const weights = track.logRatio.subarray(from, end).map(Math.exp);
    const ess = 1 / weights.reduce((sum, w) => sum + w * w, 0);
    const accepted = track.accepted.subarray(from, end).reduce((a, b) => a + b, 0);
    return (
      `${track.proposals} weighted proposals from all completions and the prior; effective ` +
      `sample size ${numberText(ess, 1)}. ${accepted} ${accepted === 1 ? "is" : "are"} drawn.`
    );
  }
  if (/pseudo/.test(track.name)) return `${who} accepts every proposal of its own completion.`;
  const at = t * track.proposals + chain;
  const source = /collapsed/.test(track.name)
    ? "an earlier completion or the prior"
    : "its own completion";
  const ratio = track.logRatio[at];
  const ratioText = ratio < -9999 ? "below −9999" : numberText(ratio, 1);
  const verdict = track.accepted[at] ? "accepted" : "rejected";
  return `${who}: proposal from ${source}. Log acceptance ratio ${ratioText}: ${verdict}.`;
}
