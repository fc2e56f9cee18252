// Makes a damaged copy of an exported file, to see that check.mjs notices.
//
//   node damage.mjs EXPORT ARTIFACT DAMAGE OUT
//
// ARTIFACT is a path of parity.json. OUT becomes a folder with that artifact alone. DAMAGE is one of
//   unpermuted   the rows of the first layer's query weights (of a LoRA adapter, its B) are put back
//                into Hugging Face's order, as a converter that forgets llama.cpp's would write them
//   negated      the first layer's down projection has the opposite sign
// Both need tensors in float32.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const [exported, artifactPath, damage, out] = process.argv.slice(2);
const certificate = JSON.parse(readFileSync(path.join(exported, "parity.json"), "utf8"));
const artifact = certificate.artifacts.find((it) => it.path === artifactPath);
if (!artifact || !["unpermuted", "negated"].includes(damage) || !out) {
  console.error("usage: node damage.mjs EXPORT ARTIFACT unpermuted|negated OUT");
  process.exit(2);
}
mkdirSync(path.join(out, path.dirname(artifactPath)), { recursive: true });
cpSync(path.join(exported, artifactPath), path.join(out, artifactPath), { recursive: true });
writeFileSync(path.join(out, "parity.json"), JSON.stringify({ ...certificate, artifacts: [artifact] }));

const isLora = artifact.target === "ollama";
const file = path.join(out, artifactPath, isLora ? "adapter.gguf" : "");
const bytes = readFileSync(file.replace(/\/$/, ""));
const { metadata, tensors, data } = header(bytes);
const heads = metadata.get("llama.attention.head_count") ?? baseHeads();
if (damage === "negated") {
  const { offset, shape } = tensor("blk.0.ffn_down.weight");
  for (let i = 0; i < shape[0] * shape[1]; i++) {
    const at = data + offset + 4 * i;
    bytes.writeFloatLE(-bytes.readFloatLE(at), at);
  }
} else {
  const { offset, shape } = tensor(isLora ? "blk.0.attn_q.weight.lora_b" : "blk.0.attn_q.weight");
  const [columns, rows] = shape; // the innermost first
  const half = rows / heads / 2;
  const before = Buffer.from(bytes.subarray(data + offset, data + offset + 4 * rows * columns));
  for (let row = 0; row < rows; row++) {
    // Row (head, pair, half) of llama.cpp is row (head, half, pair) of Hugging Face.
    const head = Math.floor(row / (2 * half));
    const inHead = row % (2 * half);
    const target = head * 2 * half + (inHead % 2) * half + Math.floor(inHead / 2);
    before.copy(bytes, data + offset + 4 * target * columns, 4 * row * columns, 4 * (row + 1) * columns);
  }
}
writeFileSync(file.replace(/\/$/, ""), bytes);

function tensor(name) {
  const found = tensors.get(name);
  if (!found || found.type !== 0) {
    throw new Error(`${file} has no ${name} in float32`);
  }
  return found;
}

/** An adapter does not say how many heads its base has. */
function baseHeads() {
  return header(readFileSync(path.join(out, artifactPath, "base.gguf"))).metadata
    .get("llama.attention.head_count");
}

/** Numbers of the metadata by key, tensors by name, and where their data begin (GGUF version 3). */
function header(buffer) {
  let at = 8;
  const u32 = () => buffer.readUInt32LE((at += 4) - 4);
  const u64 = () => Number(buffer.readBigUInt64LE((at += 8) - 8));
  const text = () => {
    const length = u64();
    return buffer.toString("utf8", at, (at += length));
  };
  const sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
  const value = (type) => {
    if (type === 8) return text();
    if (type === 9) {
      const element = u32();
      for (let count = u64(); count > 0; count--) value(element);
      return null;
    }
    if (type === 4) return u32();
    at += sizes[type];
    return null;
  };
  const tensorCount = u64();
  const metadata = new Map();
  for (let count = u64(); count > 0; count--) {
    const key = text();
    metadata.set(key, value(u32()));
  }
  const tensors = new Map();
  for (let i = 0; i < tensorCount; i++) {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    tensors.set(name, { shape, type: u32(), offset: u64() });
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  return { metadata, tensors, data: Math.ceil(at / alignment) * alignment };
}
