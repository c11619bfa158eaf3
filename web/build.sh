#!/usr/bin/env bash
# Builds the engine of the lab's page for browsers into web/engine/pkg: engine.js, and engine.bin, which is compressed.
#
# Needs rustup's target wasm32-unknown-unknown, clang, and wasm-bindgen's command line of the version in Cargo.lock:
#   rustup target add wasm32-unknown-unknown
#   cargo install wasm-bindgen-cli --version VERSION
# With wasm-opt (npm install binaryen) and zopfli, the engine is a seventh smaller.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
out=web/engine/pkg
bindgen=${WASM_BINDGEN:-wasm-bindgen}
opt=${WASM_OPT:-wasm-opt}
version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)

has() { command -v "$1" >/dev/null 2>&1; }
missing() { echo "web/build.sh: $*" >&2; exit 1; }

[[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || missing "rustup target add $target"
has clang || missing "clang is not installed"
[[ $("$bindgen" --version 2>/dev/null) == "wasm-bindgen $version" ]] ||
    missing "wasm-bindgen $version is not installed: cargo install wasm-bindgen-cli --version $version"

cargo build --locked --package wirelab-engine --profile web --target "$target"
mkdir -p "$out"
"$bindgen" --target no-modules --no-typescript --out-dir "$out" --out-name engine \
    "${CARGO_TARGET_DIR:-target}/$target/web/wirelab_engine.wasm"
if has "$opt"; then
    "$opt" -Oz --enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
        --enable-reference-types --enable-sign-ext "$out/engine_bg.wasm" -o "$out/engine_bg.wasm"
fi
if has zopfli; then
    zopfli --i5 -c "$out/engine_bg.wasm" >"$out/engine.bin"
else
    gzip -9nc "$out/engine_bg.wasm" >"$out/engine.bin"
fi
rm "$out/engine_bg.wasm"
ls -l "$out"
