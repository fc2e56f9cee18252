package dev.graft.modelio.djl;

import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import java.nio.FloatBuffer;
import java.util.Map;

/**
 * A runtime without a transformer: a token's logits are the products of its embedding with the rows
 * of the output head. Everything around it is as in earnest: mapped weights, options, sessions.
 */
public final class SimilarityRuntime implements ModelRuntime {
  @Override
  public ModelSession open(Checkpoint checkpoint, Map<String, String> options) {
    int hidden = checkpoint.config().hiddenSize();
    int vocab = checkpoint.config().vocabSize();
    float[] embedding = checkpoint.tensor(TensorNames.EMBED_TOKENS).toFloats();
    float[] head = checkpoint.lmHead().toFloats();
    float temperature = Float.parseFloat(options.getOrDefault("temperature", "1"));
    return new ModelSession() {
      @Override
      public void logits(int[] tokens, FloatBuffer logits) {
        for (int token : tokens) {
          for (int v = 0; v < vocab; v++) {
            float sum = 0;
            for (int i = 0; i < hidden; i++) {
              sum += embedding[token * hidden + i] * head[v * hidden + i];
            }
            logits.put(sum / temperature);
          }
        }
      }

      @Override
      public String generate(String prompt) {
        return prompt + " and " + vocab + " tokens";
      }

      @Override
      public void close() {}
    };
  }
}
