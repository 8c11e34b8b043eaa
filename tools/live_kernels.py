"""Assemble the kernels of the live engine: `python -m tools.live_kernels`."""

from __future__ import annotations

from wasmtime import wat2wasm

from dgm_core.live.scripts import ENGINE


def assembled() -> bytes:
    """The WebAssembly module of `kernels.wat`."""
    return bytes(wat2wasm((ENGINE / "kernels.wat").read_text(encoding="utf-8")))


if __name__ == "__main__":
    (ENGINE / "kernels.wasm").write_bytes(assembled())
