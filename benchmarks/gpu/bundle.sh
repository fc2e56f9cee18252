#!/usr/bin/env bash
# Makes a bundle with which a GPU host that has neither Java nor a network measures graft: run.sh in
# it does everything. The host needs an NVIDIA driver, and Python with PyTorch for the libraries that
# came with it and for the comparison.
#
#   bundle.sh OUT                      compiles with Maven
#   bundle.sh OUT CLASSES LIBRARIES    takes what is compiled: CLASSES/MODULE/{main,test}, and a file
#                                      with the class path of trainer's tests
#
#   CONFORMANCE   folder with independently computed results, for the golden runs; else they are left out
#   XZ_OPTIONS    for a quick trial: -0; without it the parts are small, which takes minutes
#
# OUT has parts of which each is made again only when something in it changed. Needs a JDK 25, as
# ./graft finds it, python3, xz and strip.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
jdk=$(GRAFT_PRINT_JAVA_HOME=1 "$root/graft")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What training does not use: other people's services, schemas, one of Parquet's compressions, oneDNN,
# which multiplies on processors, what ND4J has for other things than arrays, and what only the
# build's own tests want. JUnit is in its console's jar once more.
readonly UNUSED='^(openai-java|anthropic-java|okhttp|okio|kotlin|opentelemetry|standardwebhooks|annotations-13|jackson-(core|databind)-2|jackson-datatype|jackson-module-kotlin|json-schema-validator|itu-|snappy-java|commons-compress|dnnl|opencl|archunit|byte-buddy|error_prone|jna-platform|protobuf|jackson-1|commons-collections4|commons-net|threetenbp|oshi|opentest4j|apiguardian|junit-jupiter|junit-platform-(engine|commons|launcher|testkit))'
# Those with binaries for several machines in them, which are made smaller.
readonly NATIVE='^(nd4j-native-.*-linux|openblas-.*-linux|tokenizers-|zstd-jni-|jna-)'
readonly MODULES=java.base,java.logging,java.management,jdk.management,java.naming,java.net.http,java.sql,java.xml,jdk.httpserver,jdk.incubator.vector,jdk.unsupported,jdk.zipfs

# ---- what there is ----

if (($# >= 3)); then
  classes=$(cd "$2" && pwd) libraries=$3
else
  (cd "$root" && JAVA_HOME=$jdk mvn -B -q -DskipTests package dependency:build-classpath \
    -DincludeScope=test -Dmdep.outputFile="$work/\${project.artifactId}.path")
  classes=$work/classes libraries=$work/graft-trainer.path
  for module in tokenizer model-io trainer; do
    mkdir -p "$classes/$module"
    ln -s "$root/$module/target/classes" "$classes/$module/main"
    ln -s "$root/$module/target/test-classes" "$classes/$module/test"
  done
fi
mapfile -t jars < <(tr ':' '\n' <"$libraries" | grep '\.jar$' | grep -v '/graft-' | sort -u)
console=
for jar in ~/.m2/repository/org/junit/platform/junit-platform-console-standalone/*/*.jar; do
  [[ -f $jar ]] && console=$jar
done
if [[ -z $console ]]; then
  mvn -B -q dependency:get -Dtransitive=false \
    -Dartifact=org.junit.platform:junit-platform-console-standalone:1.14.4
  console=$(ls ~/.m2/repository/org/junit/platform/junit-platform-console-standalone/*/*.jar | tail -1)
fi

# ---- parts ----

# part NAME FUNCTION INPUT...: packs what the function puts into $work/NAME, unless it has been.
part() {
  local name=$1 make=$2
  shift 2
  local sum
  sum=$( (cat "$0"; find -L "$@" -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum)
  if [[ -f $out/$name.tar.xz && $(cat "$out/.$name.sum" 2>/dev/null) == "$sum" ]]; then
    return
  fi
  mkdir -p "$work/$name"
  "$make" "$work/$name" "$@"
  XZ_OPT=${XZ_OPTIONS:-$([[ $name == native ]] && echo --x86 --lzma2=preset=6,dict=64MiB || echo -6)} \
    tar -C "$work" --owner=0 --group=0 -cJf "$out/$name.tar.xz.new" "$name"
  mv "$out/$name.tar.xz.new" "$out/$name.tar.xz"
  echo "$sum" >"$out/.$name.sum"
  rm -rf "${work:?}/$name"
}

make_jre() {
  rmdir "$1"
  "$jdk/bin/jlink" --add-modules "$MODULES" --strip-debug --no-header-files --no-man-pages \
    --compress=zip-0 --output "$1"
}

# Stored rather than compressed, which xz does better; without other systems' binaries and headers.
repack() {
  python3 - "$@" <<'P'
import os, re, subprocess, sys, tempfile, zipfile
foreign = re.compile(r"(win|osx|macos|darwin|aarch64|arm|android|aix|freebsd|openbsd|sunos|ppc|s390|mips|riscv|loong|linux-x86/|linux/i386|loongarch|linux-x86-64/|linux-sparc|w32|\.h$|\.a$|\.cmake$|\.pc$|native-image/)", re.I)
for source in sys.argv[2:]:
    target = os.path.join(sys.argv[1], os.path.basename(source))
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            if entry.is_dir():
                continue
            binary = re.search(r"\.(so(\.\d+)*|dll|dylib|jnilib|a|h|cmake|pc|json)$", entry.filename)
            jna = "jna" in os.path.basename(source) and "linux-x86-64/" in entry.filename
            if binary and foreign.search(entry.filename) and not jna:
                continue
            data = old.read(entry)
            if re.search(r"\.so(\.\d+)*$", entry.filename):
                with tempfile.NamedTemporaryFile(delete=False) as file:
                    file.write(data)
                if subprocess.run(["strip", "--strip-unneeded", file.name]).returncode == 0:
                    data = open(file.name, "rb").read()
                os.unlink(file.name)
            new.writestr(zipfile.ZipInfo(entry.filename), data)
P
}

make_repacked() { repack "$@"; }

# Classes, tests and the quickstart, each small.
make_graft() {
  local to=$1
  mkdir -p "$to/main" "$to/test" "$to/configs"
  for module in tokenizer model-io trainer; do
    cp -rL "$classes/$module/main/." "$to/main/"
  done
  cp -rL "$classes/trainer/test/." "$to/test/"
  cp -r "$root/configs/quickstart" "$root/configs/quickstart.yaml" "$to/configs/"
  if [[ -n ${CONFORMANCE:-} ]]; then
    mkdir -p "$to/conformance"
    cp -r "$CONFORMANCE"/{models,lora-training,data} "$to/conformance/"
  fi
}

natives=() plain=()
for jar in "${jars[@]}" "$console"; do
  name=${jar##*/}
  if [[ $name =~ $UNUSED ]]; then continue; fi
  if [[ $name =~ $NATIVE ]]; then natives+=("$jar"); else plain+=("$jar"); fi
done

part jre make_jre "$jdk/release"
part native make_repacked "${natives[@]}"
part lib make_repacked "${plain[@]}"
part graft make_graft "$classes"/*/main "$classes/trainer/test" "$root/configs/quickstart" \
  ${CONFORMANCE:+"$CONFORMANCE/models" "$CONFORMANCE/lora-training"}
cp "$here/run.sh" "$here/summary.py" "$root/benchmarks/peer_hf.py" "$out/"

du -b "$out"/* | sort -rn | awk '{ s += $1; printf "%12d %s\n", $1, $2 } END { printf "%12d in all: %.1f MiB\n", s, s / 1048576 }'
