#!/usr/bin/env bash
# Measures graft on a GPU host, with what bundle.sh made. Each part has a time limit and a log of its
# own, and goes on when another failed; at the end stands a table of goals and measurements.
#
#   run.sh              all parts, in the order of $PARTS
#   run.sh PART...      only these
#
#   OUT       where logs and results go (./out)
#   WORK      where the bundle is unpacked, and stays (/tmp/graft-gpu)
#   SECONDS_IN_ALL      when no part begins any more and the last is ended (570)
#   CUDA_PATH_FIRST     folders to look for NVIDIA's libraries in before all others
#   SHAPE_8B, SHAPE_1B, SEQUENCE, ROUNDS, PEAK (empty for none)      smaller ones for a trial
set -u

bundle=$(cd "$(dirname "$0")" && pwd)
OUT=${OUT:-$PWD/out}
WORK=${WORK:-/tmp/graft-gpu}
SECONDS_IN_ALL=${SECONDS_IN_ALL:-570}
mkdir -p "$OUT" "$WORK"
OUT=$(cd "$OUT" && pwd)
export HOME=${HOME:-/root} LC_ALL=C.UTF-8

# Llama-3.1-8B's shape, and Llama-3.2-1B's with an embedding of its own.
SHAPE_8B=${SHAPE_8B:---layers 32 --hidden 4096 --intermediate 14336 --heads 32 --kv-heads 8 --vocab 128256}
SHAPE_1B=${SHAPE_1B:---layers 16 --hidden 2048 --intermediate 8192 --heads 32 --kv-heads 8 --vocab 128256}
SEQUENCE=${SEQUENCE:-4096}
ROUNDS=${ROUNDS:-7}
PEAK=${PEAK---peak}

# What is right first, then what was promised, then the rest.
PARTS=${PARTS:-nvidia doctor selftest golden bench-8b peer-8b bench-8b-2 peer-8b-2 contracts plan-8b train bench-1b peer-1b}
(($# > 0)) && PARTS=$*

# ---- unpacking ----

unpack() {
  local archive name mark
  for archive in "$bundle"/*.tar.xz; do
    name=${archive##*/}
    mark=$WORK/.${name%.tar.xz}.done
    [[ $mark -nt $archive ]] && continue
    rm -rf "${WORK:?}/${name%.tar.xz}"
    if command -v xz >/dev/null; then
      tar -C "$WORK" -xJf "$archive" || return 1
    else
      python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1], "r:xz").extractall(sys.argv[2])' \
        "$archive" "$WORK" || return 1
    fi
    touch "$mark"
  done
}

# The folders in which pip's NVIDIA packages have libraries: nvidia/cu13/lib, nvidia/*/lib.
nvidia_folders() {
  python3 - <<'P' 2>/dev/null
import glob, os, sysconfig
roots = {sysconfig.get_paths()[key] for key in ("purelib", "platlib")}
try:
    import nvidia
    roots |= {os.path.dirname(path) for path in nvidia.__path__}
except ImportError:
    pass
found = [d for root in sorted(roots) for d in sorted(glob.glob(root + "/nvidia/*/lib")) + [root + "/torch/lib"]]
print(":".join(dict.fromkeys(d for d in found if os.path.isdir(d))))
P
}

unpack || { echo "error: the bundle cannot be unpacked into $WORK" >&2; exit 1; }
cuda_path=${CUDA_PATH_FIRST:-}
cuda_path+=${cuda_path:+:}$(nvidia_folders)
lib=$(printf '%s:' "$WORK"/lib/*.jar "$WORK"/native/*.jar)
java_options=(
  --add-modules jdk.incubator.vector
  --enable-native-access=ALL-UNNAMED
  --sun-misc-unsafe-memory-access=allow
  -Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0
  -XX:+UseSerialGC
  -XX:MaxRAMPercentage=25
  -Xlog:disable -Xlog:all=warning:stderr
  "-Dgraft.cuda.path=$cuda_path"
  "-Dgraft.cuda.cache=$WORK/kernels"
  "-Dorg.bytedeco.javacpp.cachedir=$WORK/javacpp"
  "-Djava.io.tmpdir=$WORK"
  "-Dgraft.root=$WORK/graft"
  -DENGINE_CACHE_DIR="$WORK/djl" -Dai.djl.offline=true
)

graft() {
  (cd "$WORK/graft" && exec "$WORK/jre/bin/java" "${java_options[@]}" \
    -cp "$WORK/graft/main:$lib" dev.graft.trainer.cli.Main "$@")
}

junit() {
  (mkdir -p "$WORK/tests/target" && cd "$WORK/tests" && exec "$WORK/jre/bin/java" -Xmx4g "${java_options[@]}" \
    -Dgraft.test.card=true ${CONFORMANCE_DIR:+"-Dconformance.dir=$CONFORMANCE_DIR"} \
    -cp "$WORK/graft/test:$WORK/graft/main:$lib" org.junit.platform.console.ConsoleLauncher execute \
    --disable-banner --disable-ansi-colors --details=tree --exclude-tag=nightly "$@")
}
[[ -d $WORK/graft/conformance ]] && CONFORMANCE_DIR=$WORK/graft/conformance

# Where checkpoints are made: in memory where there is room for the largest.
room() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }'; }
if [[ -w /dev/shm && $(room /dev/shm) -ge 24 ]]; then
  models=/dev/shm/graft-gpu
else
  models=$WORK/models
fi
mkdir -p "$models"

# ---- parts ----

bench() { # NAME SHAPE MICRO-BATCH [options]
  local name=$1 shape=$2 rows=$3
  shift 3
  # shellcheck disable=SC2086 # words of options
  graft bench --device cuda --precision bf16 $shape --tokens $((rows * SEQUENCE)) \
    --sequence "$SEQUENCE" --rank 16 --rounds "$ROUNDS" --keep "$models/${name%%-*}" \
    --json "$OUT/bench-$name.json" "$@"
}

peer() { # NAME SECONDS [options]
  local name=$1 seconds=$2
  shift 2
  PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True python3 "$bundle/peer_hf.py" \
    --keep "$models/${name%%-*}" --expect "$OUT/bench-$name.json" --rounds "$ROUNDS" \
    --seconds "$seconds" --json "$OUT/peer-$name.json" "$@"
}

# The most that the card's memory held while something ran, in MiB, goes to a file.
with_memory() { # FILE COMMAND...
  local file=$1
  shift
  (
    most=0
    while :; do
      used=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -i 0 2>/dev/null)
      ((${used:-0} > most)) && most=$used && echo "$most" >"$file"
      sleep 0.2
    done
  ) &
  local watcher=$!
  "$@"
  local result=$?
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  return "$result"
}

# A real run on the 8B shape: what was planned, and what it took. The random base has no tokenizer,
# so the quickstart's, whose tokens its vocabulary has, reads the data.
plan_8b() {
  local base=$models/8b/model run=$WORK/plan-8b
  rm -rf "$run" && mkdir -p "$run"
  cp "$WORK"/graft/configs/quickstart/model/{tokenizer*,special_tokens_map*,generation_config*} "$base/" 2>/dev/null
  cat >"$run/config.yaml" <<Y
base: $base
data:
  train: $WORK/graft/configs/quickstart/train.jsonl
  packing: true
lora:
  rank: 16
  alpha: 32
  targets: all-linear
training:
  max-steps: 4
  batch-size: 64
  micro-batch-tokens: $SEQUENCE
  learning-rate: 0.0001
device: cuda
precision: bf16
output: $run/run
Y
  graft plan "$run/config.yaml" --no-measure >"$OUT/plan-8b.txt" || return 1
  cat "$OUT/plan-8b.txt"
  nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -i 0 >"$OUT/plan-8b.before" 2>/dev/null
  with_memory "$OUT/plan-8b.used" graft train "$run/config.yaml"
}

train() {
  rm -rf "$WORK/quickstart"
  graft train configs/quickstart.yaml --set device=cuda --set output="$WORK/quickstart" \
    --set training.max-steps=40 || return 1
  cp "$WORK"/quickstart/metrics.jsonl "$OUT/train-metrics.jsonl" 2>/dev/null
}

contracts() {
  junit --select-class=dev.graft.trainer.kernels.CudaKernelsF32ContractTest \
    --select-class=dev.graft.trainer.kernels.CudaKernelsBf16ContractTest
}

golden() {
  junit --select-class=dev.graft.trainer.train.CudaGoldenRunTest \
    --select-class=dev.graft.trainer.train.CudaBf16GoldenRunTest
}

perform() {
  case $1 in
    nvidia) nvidia-smi && nvidia-smi -q -d CLOCK,POWER,MEMORY && python3 -c 'import torch; print("torch", torch.__version__)' ;;
    doctor) graft doctor --device cuda ;;
    selftest) graft doctor --device cuda --selftest ;;
    contracts) contracts ;;
    golden) golden ;;
    bench-8b) bench 8b "$SHAPE_8B" 1 $PEAK ;;
    bench-8b-2) bench 8b-2 "$SHAPE_8B" 2 ;;
    bench-8b-4) bench 8b-4 "$SHAPE_8B" 4 --recompute layers ;;
    bench-1b) bench 1b "$SHAPE_1B" 4 $PEAK ;;
    peer-8b) peer 8b 75 ;;
    peer-8b-2) peer 8b-2 30 --variant chunked+bf16 --variant chunked+bf16+compile ;;
    peer-8b-4) peer 8b-4 45 --checkpointing ;;
    peer-1b) peer 1b 40 ;;
    plan-8b) plan_8b ;;
    train) train ;;
    *) echo "there is no part $1"; return 2 ;;
  esac
}

limit() { # seconds after which a part is ended
  case $1 in
    bench-8b) echo 150 ;;
    peer-8b) echo 150 ;;
    nvidia | doctor) echo 30 ;;
    contracts) echo 120 ;;
    *) echo 90 ;;
  esac
}

# Asks a part to end, and ends it: a run that is asked finishes its step and saves first.
end_part() {
  kill -- "-$1" 2>/dev/null
  sleep 5
  kill -9 -- "-$1" 2>/dev/null
}

run_part() {
  local name=$1 seconds left started=$SECONDS pid result
  left=$((SECONDS_IN_ALL - SECONDS))
  if ((left < 10)); then
    echo "$name: left out, no time" | tee -a "$OUT/parts.txt"
    return
  fi
  seconds=$(limit "$name")
  ((seconds > left)) && seconds=$left
  echo "== $name (at most $seconds s)"
  set -m # a process group of its own, with all that it starts
  perform "$name" >"$OUT/$name.log" 2>&1 &
  pid=$!
  set +m
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS - started >= seconds)); then
      end_part "$pid"
      echo "ended after $seconds s" >>"$OUT/$name.log"
      break
    fi
    sleep 0.2
  done
  wait "$pid"
  result=$?
  tail -n 12 "$OUT/$name.log"
  echo "$name $result $((SECONDS - started))" >>"$OUT/parts.txt"
}

: >"$OUT/parts.txt"
echo "NVIDIA's libraries: ${cuda_path:-none of pip}; checkpoints: $models"
for part in $PARTS; do run_part "$part"; done
rm -rf "$models"
python3 "$bundle/summary.py" "$OUT" | tee "$OUT/summary.txt"
