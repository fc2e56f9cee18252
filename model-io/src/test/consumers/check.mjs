// Runs exported files in llama.cpp and compares it with the trainer.
//
//   node check.mjs EXPORT REFERENCE
//
// EXPORT is a folder that `graft export --to gguf-merged,ollama` has written, REFERENCE what
// `graft verify EXPORT --reference` has. Every merged GGUF file, and the base's GGUF with the LoRA
// adapter's, go through the reference's sequences token by token: llama.cpp's likeliest token has
// to be the trainer's, and its log-probability within the tolerance of the file's type.
// The file's tokenizer has to make the same ids of the reference's texts, too.
import { readFileSync } from "node:fs";
import path from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

// In nats, the largest difference and the mean. llama.cpp multiplies q8_0 weights with activations
// that it rounds to 8 bits as well, and f16 and bf16 ones with activations of those types, so that
// it is further from exact numbers than the file is. Rows or heads out of order, a wrong scale or
// an adapter that is not applied cost whole nats, in the mean, too.
const TOLERANCE = {
  f32: { worst: 2e-3, mean: 1e-4 },
  f16: { worst: 1e-1, mean: 1e-2 },
  bf16: { worst: 5e-1, mean: 5e-2 },
  q8_0: { worst: 1, mean: 1e-1 },
};

// Where the trainer's two likeliest tokens are closer than twice the worst, either may win; so many
// have to be further apart.
const MIN_DECIDED = 20;

const [exported, referenceFile] = process.argv.slice(2);
if (!exported || !referenceFile) {
  console.error("usage: node check.mjs EXPORT REFERENCE");
  process.exit(2);
}
const { sequences, texts } = JSON.parse(readFileSync(referenceFile, "utf8"));
const certificate = JSON.parse(readFileSync(path.join(exported, "parity.json"), "utf8"));
const llama = await getLlama({
  gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.error, maxThreads: 2,
});

let failed = false;
let checked = 0;
for (const artifact of certificate.artifacts) {
  const place = path.join(exported, artifact.path);
  if (artifact.target === "gguf-merged") {
    await check(artifact, place);
  } else if (artifact.target === "ollama") {
    await check(artifact, path.join(place, "base.gguf"), path.join(place, "adapter.gguf"));
  }
}
if (checked === 0) {
  console.error(`${exported} holds nothing that llama.cpp could load`);
  failed = true;
}
await llama.dispose();
process.exit(failed ? 1 : 0);

async function check(artifact, modelPath, lora) {
  const tolerance = TOLERANCE[artifact.type];
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const longest = Math.max(...sequences.map((s) => s.prompt.length + s.greedy.length));
  const context = await model.createContext({
    contextSize: longest + 8, batchSize: longest + 8, flashAttention: false,
    experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
    ...(lora ? { lora: { adapters: [{ filePath: lora, scale: 1 }] } } : {}),
  });
  let equal = 0;
  let decided = 0;
  let tokens = 0;
  let worst = 0;
  let sum = 0;
  let count = 0;
  const sequence = context.getSequence();
  for (const { prompt, greedy, likeliest } of sequences) {
    await sequence.clearHistory();
    const ids = [...prompt, ...greedy.slice(0, -1)];
    const input = ids.map((id, i) =>
      i < prompt.length - 1
        ? id
        : [id, { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } }]);
    const output = await sequence.controlledEvaluate(input);
    greedy.forEach((id, i) => {
      const probabilities = output[prompt.length - 1 + i].next.probabilities;
      const [best] = probabilities.entries().next().value;
      const [first, second] = likeliest[i];
      const isDecided = first.log_probability - second.log_probability > 2 * tolerance.worst;
      tokens += 1;
      decided += isDecided ? 1 : 0;
      equal += best === id ? 1 : 0;
      if (isDecided && best !== id) {
        failed = true;
        console.error(`  token ${best} where the trainer has ${id}`);
      }
      for (const token of likeliest[i]) {
        const difference = Math.abs(Math.log(probabilities.get(token.id)) - token.log_probability);
        // Of what is improbable the logarithm is sensitive, and nothing depends on it.
        if (token.log_probability > -7) {
          worst = difference <= worst ? worst : difference;
          sum += difference;
          count += 1;
        }
      }
    });
  }
  const mean = sum / count;
  const wrong =
    !(worst <= tolerance.worst) || !(mean <= tolerance.mean) || decided < Math.min(MIN_DECIDED, tokens / 4);
  failed ||= wrong;
  checked += 1;
  console.log(
    `${wrong ? "FAILED" : "llama.cpp"} ${artifact.path}${lora ? " (base + LoRA)" : ""}: ` +
      `${equal} of ${tokens} greedy tokens equal (${decided} decided), log-probabilities differ by ` +
      `at most ${worst.toExponential(1)} (${tolerance.worst} tolerated), by ` +
      `${mean.toExponential(1)} in the mean (${tolerance.mean})`);
  checkTokens(model);
  await context.dispose();
  await model.dispose();
}

/** The file's tokenizer has to make of each text what the base's own makes of it. */
function checkTokens(model) {
  const wrong = texts.filter(({ text, ids }) => {
    const found = model.tokenize(text, false);
    const differs = JSON.stringify(found) !== JSON.stringify(ids);
    if (differs) console.error(`  ${JSON.stringify(text)}: ${found}, expected ${ids}`);
    return differs;
  });
  console.log(`  tokenizer: ${texts.length - wrong.length} of ${texts.length} texts give the same ids`);
  failed ||= wrong.length > 0;
}
