package dev.graft.modelio;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What config.json says about a Llama or Mistral model: everything that changes the computation, in
 * one checked place. Absent keys have the values that Hugging Face's {@code LlamaConfig} and {@code
 * MistralConfig} give them.
 *
 * @param architecture whose forward pass it is
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the MLP
 * @param layers number of decoder layers
 * @param heads number of query heads
 * @param kvHeads number of key and value heads; divides {@code heads}
 * @param headDim width of one head; not always {@code hiddenSize / heads}
 * @param vocabSize rows of the embedding
 * @param maxPositionEmbeddings the length in tokens that the model is meant for
 * @param rmsNormEps added to the mean square inside each RMSNorm
 * @param ropeTheta base of the rotary frequencies
 * @param ropeScaling how they are stretched
 * @param slidingWindow how many tokens, itself included, a token attends to; null means all before
 *     it
 * @param tieWordEmbeddings whether the embedding serves as the output head too
 * @param dtype what config.json says the weights are stored as; the tensors have the last word
 * @param bosTokenId the token that begins a text, if the model names one
 * @param eosTokenIds the tokens that end a text; may be empty
 * @param notes what was seen and ignored, one sentence each
 */
public record ModelConfig(
    Architecture architecture,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int vocabSize,
    int maxPositionEmbeddings,
    double rmsNormEps,
    double ropeTheta,
    RopeScaling ropeScaling,
    @Nullable Integer slidingWindow,
    boolean tieWordEmbeddings,
    @Nullable DType dtype,
    @Nullable Integer bosTokenId,
    List<Integer> eosTokenIds,
    List<String> notes) {

  /** The model classes graft computes, by their Hugging Face names. */
  public enum Architecture {
    LLAMA("LlamaForCausalLM", "llama"),
    MISTRAL("MistralForCausalLM", "mistral");

    private final String className;
    private final String modelType;

    Architecture(String className, String modelType) {
      this.className = className;
      this.modelType = modelType;
    }

    /** The entry in config.json's {@code architectures}. */
    public String className() {
      return className;
    }

    /** config.json's {@code model_type}. */
    public String modelType() {
      return modelType;
    }
  }

  public ModelConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
    notes = List.copyOf(notes);
    // The bounds keep products of two of these within an int and products of three within a long.
    requireRange("hidden_size", hiddenSize, 1, 1 << 17);
    requireRange("intermediate_size", intermediateSize, 1, 1 << 20);
    requireRange("num_hidden_layers", layers, 1, 1000);
    requireRange("num_attention_heads", heads, 1, 1 << 10);
    requireRange("num_key_value_heads", kvHeads, 1, heads);
    requireRange("head_dim", headDim, 2, 1 << 10);
    requireRange("vocab_size", vocabSize, 1, 1 << 22);
    requireRange("max_position_embeddings", maxPositionEmbeddings, 1, 1 << 27);
    if (slidingWindow != null) {
      requireRange("sliding_window", slidingWindow, 1, Integer.MAX_VALUE);
    }
    if (heads % kvHeads != 0) {
      throw new ModelIoException(
          "num_attention_heads %d is not a multiple of num_key_value_heads %d."
              .formatted(heads, kvHeads));
    }
    if (headDim % 2 != 0) {
      throw new ModelIoException(
          "head_dim %d is odd; rotary embeddings rotate pairs.".formatted(headDim));
    }
    if (!(rmsNormEps > 0 && rmsNormEps < 1)) {
      throw new ModelIoException("rms_norm_eps %s is not between 0 and 1.".formatted(rmsNormEps));
    }
    if (!(ropeTheta > 1 && ropeTheta <= 1e15)) {
      throw new ModelIoException("rope_theta %s is not between 1 and 1e15.".formatted(ropeTheta));
    }
  }

  /**
   * Reads a config.json.
   *
   * @throws ModelIoException naming the key where the file is damaged or asks for something that
   *     graft does not compute: another architecture, biases, another activation, another RoPE
   */
  public static ModelConfig read(Path configJson) {
    return new ModelConfigReader(configJson).read();
  }

  /** This configuration as the text of a config.json, in the spelling that all versions read. */
  public String toJson() {
    return StrictJson.print(ModelConfigWriter.write(this));
  }

  /**
   * The rotary embedding's frequencies.
   *
   * @return {@code (headDim / 2)} radians per position, in double precision
   */
  public double[] inverseFrequencies() {
    return ropeScaling.inverseFrequencies(ropeTheta, headDim);
  }

  /** How many query heads share one key and value head. */
  public int headsPerKvHead() {
    return heads / kvHeads;
  }

  private static void requireRange(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ModelIoException(
          "%s is %d; it must be between %d and %d.".formatted(key, value, least, most));
    }
  }
}
