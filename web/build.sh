#!/usr/bin/env bash
# Builds the engine of the lab's page for browsers into web/engine/pkg: engine.js, and engine.bin, which is compressed.
#
# Needs clang, and rustup's target: rustup target add wasm32-unknown-unknown
# With wasm-opt (npm install binaryen) and zopfli, the engine is a seventh smaller.
#
# `web/build.sh --quick` is for tests: it compiles in a fraction of the time, into web/engine/quick.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
opt=${WASM_OPT:-wasm-opt}
if [[ ${1:-} == --quick ]]; then
    quick=true profile=dev folder=debug out=web/engine/quick
else
    quick=false profile=web folder=web out=web/engine/pkg
fi

has() { command -v "$1" >/dev/null 2>&1; }
fail() { echo "web/build.sh: $*" >&2; exit 1; }

[[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || fail "rustup target add $target"
has clang || fail "clang is not installed"

. .ci/no-paths
cargo build --locked --package wirelab-engine --profile $profile --target $target
mkdir -p "$out"
env -u RUSTFLAGS -u CFLAGS cargo run --locked --quiet --package wirelab-bindgen -- \
    "$build/$target/$folder/wirelab_engine.wasm" "$out"
expect_no_paths "$out/engine_bg.wasm"
if ! $quick && has "$opt"; then
    "$opt" -Oz --enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
        --enable-reference-types --enable-sign-ext "$out/engine_bg.wasm" -o "$out/engine_bg.wasm"
fi
if $quick; then
    gzip -1nc "$out/engine_bg.wasm" >"$out/engine.bin"
elif has zopfli; then
    zopfli --i5 -c "$out/engine_bg.wasm" >"$out/engine.bin"
else
    gzip -9nc "$out/engine_bg.wasm" >"$out/engine.bin"
fi
rm "$out/engine_bg.wasm"
ls -l "$out"
