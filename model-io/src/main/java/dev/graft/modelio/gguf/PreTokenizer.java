package dev.graft.modelio.gguf;

import dev.graft.modelio.ConfigKeys;
import dev.graft.modelio.ModelIoException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Which of llama.cpp's ways to cut text before byte-level BPE a tokenizer.json asks for. llama.cpp
 * does not read the expression from the file, it knows a list of them by name ({@code
 * tokenizer.ggml.pre}); under a wrong name a model would read other tokens than it was trained on,
 * so that an expression not listed here is refused.
 */
final class PreTokenizer {
  private static final String ENGLISH = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String WORDS = "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
  private static final String REST =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Llama 3 takes up to three digits at once. */
  private static final String LLAMA_3 = ENGLISH + WORDS + "\\p{N}{1,3}" + REST;

  private static final String QWEN_2 = ENGLISH + WORDS + "\\p{N}" + REST;

  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String BEFORE = "[^\\r\\n\\p{L}\\p{N}]?";

  /** Mistral's Tekken (Nemo and later). */
  private static final String TEKKEN =
      BEFORE
          + UPPER
          + "*"
          + LOWER
          + "+|"
          + BEFORE
          + UPPER
          + "+"
          + LOWER
          + "*|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final Map<String, String> BY_EXPRESSION =
      Map.of(LLAMA_3, "llama-bpe", QWEN_2, "qwen2", TEKKEN, "tekken");

  private PreTokenizer() {}

  /** Whether text becomes bytes before it is cut: the family that llama.cpp calls gpt2. */
  static boolean isByteLevel(JsonNode tokenizer) {
    return steps(tokenizer.path("pre_tokenizer")).stream().anyMatch(PreTokenizer::isByteLevelStep);
  }

  /**
   * The name for a byte-level tokenizer.
   *
   * @throws ModelIoException if llama.cpp has no name that graft knows to mean the same
   */
  static String name(Path file, JsonNode tokenizer) {
    List<JsonNode> steps = steps(tokenizer.path("pre_tokenizer"));
    JsonNode bytes = steps.getLast();
    if (isByteLevelStep(bytes) && !bytes.path("add_prefix_space").asBoolean(true)) {
      // Absent, use_regex is true: the library's own default.
      boolean cuts = bytes.path("use_regex").asBoolean(true);
      if (steps.size() == 1 && cuts) {
        return "gpt-2";
      }
      if (steps.size() == 2 && cuts && isSingleDigits(steps.getFirst())) {
        return "smollm";
      }
      if (steps.size() == 2 && !cuts) {
        String name = BY_EXPRESSION.get(expression(steps.getFirst()));
        if (name != null) {
          boolean ignoresMerges = tokenizer.path("model").path("ignore_merges").asBoolean(false);
          // The same expression, for models that do not look a whole word up first.
          return name.equals("llama-bpe") && !ignoresMerges ? "smaug-bpe" : name;
        }
      }
    }
    throw new ModelIoException(
        "%s: llama.cpp has no pre-tokenizer that is known to mean the same as %s; a GGUF with another one would read other tokens. Serve this model from safetensors (--to peft or merged)."
            .formatted(file, ConfigKeys.brief(tokenizer.get("pre_tokenizer"))));
  }

  private static boolean isByteLevelStep(JsonNode step) {
    return step.path("type").asString("").equals("ByteLevel");
  }

  private static boolean isSingleDigits(JsonNode step) {
    return step.path("type").asString("").equals("Digits")
        && step.path("individual_digits").asBoolean(false);
  }

  private static String expression(JsonNode step) {
    return step.path("type").asString("").equals("Split")
            && step.path("behavior").asString("").equals("Isolated")
            && !step.path("invert").asBoolean(false)
        ? step.path("pattern").path("Regex").asString("")
        : "";
  }

  private static List<JsonNode> steps(JsonNode preTokenizer) {
    List<JsonNode> steps = new ArrayList<>();
    if (preTokenizer.path("type").asString("").equals("Sequence")) {
      preTokenizer.path("pretokenizers").forEach(steps::add);
    } else if (preTokenizer.isObject()) {
      steps.add(preTokenizer);
    }
    return steps;
  }
}
