"""Samplers in the visitor's own browser: the engine, its weights, and the page of one file.

The engine runs pseudo-Gibbs and Metropolis-within-Gibbs of a shipped DLVM in a worker of the
browser. It is the same chain as in `dgm_core.samplers`: with the same seed, the engine and
`metropolis_within_gibbs` with the noise of `stream.CounterStream` propose the same latents and
take the same decisions. The folder `engine` holds

    kernels.wat, .wasm   matrix product with implicit convolution, SiLU and Philox in WebAssembly
    kernels.js           the same three functions in plain JavaScript, with the same results
    gpu.js               the passes of both networks in WebGPU, and whether they are faster
    stream.js            the random stream: seed, chain, iteration and purpose → numbers
    weights.js           reads a weight file (`weights.packed` writes it)
    network.js           encoder and decoder as calls of kernels
    distributions.js, sampler.js  q(z|x), p(x|z); the two samplers, for all chains at once
    worker.js, client.js the messages below, in the worker and in the page

A page needs the text of `scripts.client()` and the bytes of `weights.packed(name)`:

    const live = new LiveChains(settings, { ready, frame, error });
    live.observe(picture, observed);        // 784 levels from 0 to 1; 784 bits, 1 = observed
    live.run();                             // or live.run(iterations)
    live.observe(picture, changed);         // while the chains run: they continue
    live.stop(); live.close();

`settings` has `weights` (an ArrayBuffer), and optionally `chains` (8), `seed` (0), `sampler`
("Metropolis-within-Gibbs" or "pseudo-Gibbs"), `warmup` (20), `framesPerSecond` (20) and `kernels`
("WebAssembly", "JavaScript" or "WebGPU"). One worker runs one sampler; a page with both starts
two. The worker receives and sends these messages; `client.js` wraps the first four.

| to the worker | its fields | meaning |
|---|---|---|
| init | the settings | reads the weights |
| problem | picture, observed, number, restart | changes picture and mask; chains continue |
| run | iterations | starts the chains, for a number of iterations or until stop |
| stop | | stops the chains after the current iteration |

| from the worker | its fields |
|---|---|
| ready | kernels (those that compute), about (metadata of the weights), milliseconds |
| kernels | kernels: others compute from now on |
| frame | problem, running, iteration, warmingUp, mean, draws, acceptance, speed |
| error | message |

In a frame, `problem` is the number of the problem; `iteration` counts from its start; `mean` has
784 means of p(x=1 given z) over the chains and the iterations after the warm-up, and the picture
where it is observed; `draws` has chains × 784 levels from 0 to 255; `acceptance` has one number
per chain; `speed` is in iterations per second. `client.js` adds `current`: whether the frame is of
the last problem.

Without the setting `kernels`, the chains start in WebAssembly, or in JavaScript where there is
none. If the browser offers a graphics card, 50 passes run in both. The card computes from then on
if its numbers agree to 10⁻³ and the median of its last 40 passes is shorter. A card that the
processor imitates is used only with `kernels: "WebGPU"`. If the card is lost, the kernels repeat
the pass, and the chains continue.

Running chains continue after a change of the problem, from their current latents and hidden
pixels; `restart` makes them start again. A change starts the means and the warm-up again, and the
first frame after it is sent after one iteration. In the warm-up, both samplers are pseudo-Gibbs,
and frames show its means.
"""
