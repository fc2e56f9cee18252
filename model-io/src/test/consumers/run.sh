#!/usr/bin/env bash
# Asks a real consumer: llama.cpp, as npm's node-llama-cpp ships it for linux-x64, has to say what
# the trainer says, on exports of a run and, where the conformance data are there, of stories260K.
#
#   model-io/src/test/consumers/run.sh RUN [CONFORMANCE]
#
# Where npm or its registry cannot be reached it says that nothing was asked, and ends well.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
run=$(cd "$1" && pwd)
conformance=${2:-}

not_run() {
  echo "consumers: NOT RUN, llama.cpp was not asked: $*"
  exit 0
}
[[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] || not_run "the prebuilt llama.cpp is for Linux on x86-64"
command -v npm > /dev/null || not_run "npm is not installed"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  not_run "Node.js $(node --version) is older than 20"

# Below target/, so that it is installed once and never committed. No package's scripts are run.
place=$root/model-io/target/consumers
mkdir -p "$place"
cp "$here"/{package.json,package-lock.json,check.mjs,damage.mjs} "$place"
cd "$place"
# The lock file pins every version by its hash. `npm ci` would want the optional binaries of all other
# platforms in it.
if ! timeout 180 npm install --ignore-scripts --omit=optional --no-audit --no-fund > npm.log 2>&1; then
  not_run "npm could not install node-llama-cpp ($(grep -m 1 error npm.log | cut -c 1-200); see $place/npm.log)"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

check() { # name, run or adapter, options
  local name=$1
  shift
  ./graft export "$@" --to gguf-merged,ollama --gguf-type f32,f16,bf16,q8_0 \
    --out "$work/$name" --quiet
  ./graft verify "$work/$name" --reference "$work/$name.json" > "$work/$name.log" ||
    { cat "$work/$name.log"; return 1; }
  node "$place/check.mjs" "$work/$name" "$work/$name.json"
}

# The check has to be one that can fail: a file with this damage must not pass.
refuses() { # name, artifact, damage
  local name=$1 artifact=$2 damage=$3 damaged=$work/$1-$3
  rm -rf "$damaged"
  node "$place/damage.mjs" "$work/$name" "$artifact" "$damage" "$damaged"
  if node "$place/check.mjs" "$damaged" "$work/$name.json" > "$damaged.log" 2>&1 ||
    ! grep -q "^FAILED $artifact" "$damaged.log"; then
    cat "$damaged.log"
    echo "consumers: the check does not notice that $artifact is $damage"
    return 1
  fi
  echo "refused   $artifact, $damage: $(grep -m 1 "^FAILED" "$damaged.log" | grep -o 'differ by at most [^ ]*')"
}

check quickstart "$run" # byte-level BPE
refuses quickstart gguf-merged/model-f32.gguf unpermuted
refuses quickstart gguf-merged/model-f32.gguf negated
refuses quickstart ollama unpermuted
if [[ -d $conformance/models/stories260K-hf ]]; then # SentencePiece BPE
  check stories260K "$conformance/lora-training/stories260K/final_adapter" \
    --base "$conformance/models/stories260K-hf"
else
  echo "consumers: no conformance data: stories260K was not compared"
fi
echo "consumers: llama.cpp says what the trainer says"
