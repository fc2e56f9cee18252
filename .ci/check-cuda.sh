#!/usr/bin/env bash
# Compiles the CUDA kernels for an A100, an H100 and a GeForce 50, each file in every way in which
# the trainer compiles it. Warnings and registers that spill into memory are failures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../trainer/src/main/resources/dev/graft/trainer/kernels/cuda"

if ! command -v nvcc > /dev/null; then
  echo "no nvcc: the CUDA kernels are not compiled here"
  exit 0
fi
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT

# The ways to compile a file, one a line: its name and what is defined.
ways() {
  local file head_dim
  for file in *.cu; do
    if grep -q '\bHEAD_DIM\b' "$file"; then
      for head_dim in 32 64 96 128; do
        echo "$file -DACT_BF16 -DHEAD_DIM=$head_dim"
      done
    else
      echo "$file"
      if grep -q '\bact\b' "$file"; then
        echo "$file -DACT_BF16"
      fi
    fi
  done
}

compile() {
  local way=$* log
  log=$(mktemp -p "$output")
  if ! nvcc -std=c++17 -fatbin -o "$log.fatbin" -Werror all-warnings -Xptxas -v \
    -gencode arch=compute_80,code=sm_80 \
    -gencode arch=compute_90,code=sm_90 \
    -gencode arch=compute_120,code=sm_120 \
    "$@" > "$log" 2>&1 || grep -qE 'warning|[1-9][0-9]* bytes spill' "$log"; then
    echo "$way:"
    grep -vE "0 bytes gmem|Compile time" "$log" | head -60
    return 1
  fi
}
export -f compile
export output

ways | xargs -P "$(nproc)" -I '{}' bash -c 'compile {}'
files=$(ways | cut -d ' ' -f 1 | uniq | wc -l)
echo "$files files of CUDA kernels compiled in $(ways | wc -l) ways: no warnings, no spills"
