package dev.graft.trainer.export;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.peft.PeftConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** How the exported files are served: exact lines, and what servers refuse. */
final class Serving {
  /** What vLLM's {@code --max-lora-rank} can be; its default is 16. */
  private static final int[] VLLM_RANKS = {8, 16, 32, 64, 128, 256, 320, 512};

  private static final int VLLM_DEFAULT_RANK = 16;

  /** Longer contexts than this are for whoever has the memory to ask for. */
  private static final int MODEST_CONTEXT = 8192;

  private Serving() {}

  /** What is special about an adapter, to follow its rank and alpha; empty for plain LoRA. */
  static String kind(PeftConfig peft) {
    return (peft.rslora() ? ", rsLoRA" : "") + (peft.dora() ? ", DoRA" : "");
  }

  /** The smallest setting of vLLM that takes a rank, or the rank itself where none does. */
  static int maxLoraRank(int rank) {
    return IntStream.of(VLLM_RANKS).filter(most -> most >= rank).findFirst().orElse(rank);
  }

  /**
   * The line that serves an artifact.
   *
   * @param out the export's folder as the user named it
   * @param base what servers call the base: a folder, or org/name
   * @param peft the adapter's configuration; absent for a whole model
   */
  static String line(
      Artifact artifact,
      String out,
      String base,
      String name,
      Optional<PeftConfig> peft,
      ModelConfig model) {
    String path = quoted(out + "/" + artifact.path());
    int context = Math.min(model.maxPositionEmbeddings(), MODEST_CONTEXT);
    return switch (artifact.target()) {
      case PEFT -> peftLine(out + "/" + artifact.path(), base, name, peft.orElseThrow());
      case MERGED -> "vllm serve " + path;
      case GGUF -> "llama-server -m BASE.gguf --lora %s -c %d".formatted(path, context);
      case GGUF_MERGED -> "llama-server -m %s -c %d".formatted(path, context);
      case OLLAMA ->
          "(cd %s && ollama create %s -f %s) && ollama run %s"
              .formatted(path, quoted(name), Modelfile.FILE, quoted(name));
    };
  }

  private static String peftLine(String path, String base, String name, PeftConfig peft) {
    return peft.dora()
        ? "python -c 'from transformers import AutoModelForCausalLM as M; M.from_pretrained(\"%s\")'"
            .formatted(path)
        : "vllm serve %s --enable-lora --max-lora-rank %d --lora-modules %s"
            .formatted(quoted(base), maxLoraRank(peft.rank()), quoted(name + "=" + path));
  }

  private static String quoted(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /** What is to be known about serving the adapter, a sentence each. */
  static List<String> limits(PeftConfig peft) {
    List<String> limits = new ArrayList<>();
    if (peft.dora()) {
      limits.add(
          "vLLM refuses DoRA adapters, and llama.cpp has none: Transformers with PEFT reads this folder"
              + " as it is; for servers export it merged (--to merged,gguf-merged).");
      return limits;
    }
    int rank = peft.rank();
    if (rank > VLLM_RANKS[VLLM_RANKS.length - 1]) {
      limits.add(
          "vLLM refuses this adapter: its rank is %d, and --max-lora-rank goes up to %d. Serve it merged."
              .formatted(rank, VLLM_RANKS[VLLM_RANKS.length - 1]));
    } else if (rank > VLLM_DEFAULT_RANK) {
      limits.add(
          "vLLM refuses rank %d unless it is started with --max-lora-rank %d: its default is %d."
              .formatted(rank, maxLoraRank(rank), VLLM_DEFAULT_RANK));
    }
    if (peft.rslora()) {
      limits.add(
          "The adapter is rsLoRA (alpha / sqrt(rank)): servers that pass use_rslora over scale it"
              + " wrongly. PEFT, vLLM and the GGUF files of this export do it right.");
    }
    return limits;
  }

  /** LMI's (djl-serving's) serving.properties for the base with adapters. */
  static String servingProperties(String base, PeftConfig peft) {
    return """
    # LMI (djl-serving): put this into the model's folder, and this folder as
    # adapters/NAME beside it.
    engine=Python
    option.model_id=%s
    option.rolling_batch=vllm
    option.enable_lora=true
    option.max_loras=4
    option.max_lora_rank=%d
    """
        .formatted(base, maxLoraRank(peft.rank()));
  }
}
