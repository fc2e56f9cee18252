package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NEFTune against its formula, written out here. */
class EmbeddingNoiseTest {

  private static final int HIDDEN = 20;
  private static final int VOCABULARY = 31;

  @TempDir Path folder;

  private static Sequence sequence(int... ids) {
    boolean[] target = new boolean[ids.length];
    for (int i = 1; i < ids.length; i++) {
      target[i] = true;
    }
    return new Sequence(ids, target);
  }

  @Test
  void eachPackedSequenceHasTheAmplitudeOfItsOwnLength() {
    TokenBatch batch =
        TokenBatch.of(List.of(sequence(1, 2, 3, 4, 5, 6, 7), sequence(9), sequence(1, 2)));
    float[] amplitudes = new EmbeddingNoise(5, 1, 2).amplitudes(batch, 13, HIDDEN);
    for (int token = 0; token < 13; token++) {
      int length = token < 7 ? 7 : token < 8 ? 1 : 2;
      double expected = token < 10 ? 5 / Math.sqrt(length * (double) HIDDEN) : 0;
      assertThat((double) amplitudes[token]).isCloseTo(expected, within(1e-7));
    }
  }

  /**
   * The loss under noise is the loss without on a model that looks up what the formula says: each
   * token has an id of its own here, so that its embedding can be given its own noise.
   */
  @Test
  void theLossIsThatOfEmbeddingsWithTheFormulasNoise() {
    long seed = 0x0123456789abcdefL;
    int microBatch = 5;
    double alpha = 15;
    int[] lengths = {7, 11};
    TokenBatch batch =
        TokenBatch.of(
            List.of(
                sequence(3, 1, 4, 15, 9, 2, 6), sequence(5, 30, 8, 7, 10, 23, 0, 12, 13, 14, 11)));
    Path base =
        RandomCheckpoint.llama()
            .hiddenSize(HIDDEN)
            .headDim(10)
            .heads(2)
            .kvHeads(1)
            .intermediateSize(24)
            .layers(2)
            .vocabSize(VOCABULARY)
            .tied(false)
            .dtype(DType.F32)
            .seed(3)
            .write(folder.resolve("base"));
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      TrainingPass pass = model.trainingPass(40, StackedRanks.NONE, false);
      double noisy =
          pass.lossAndGradient(
              batch, 1, Dropout.OFF, new EmbeddingNoise((float) alpha, seed, microBatch));

      float[] table = checkpoint.tensor(TensorNames.EMBED_TOKENS).toFloats();
      int[] lanes = new int[4];
      for (int token = 0; token < batch.tokens(); token++) {
        double amplitude = alpha / Math.sqrt((double) lengths[token < 7 ? 0 : 1] * HIDDEN);
        for (int j = 0; j < HIDDEN; j++) {
          int element = token * HIDDEN + j;
          Philox.block(seed, element / 4, ((long) microBatch << 32) | 0xFFFFFFFFL, lanes);
          double epsilon = Math.floor(Integer.toUnsignedLong(lanes[element % 4]) / 256.0);
          table[batch.ids()[token] * HIDDEN + j] += (float) (amplitude * (epsilon / (1 << 23) - 1));
        }
      }
      var moved = kernels.allocate(ElementType.F32, VOCABULARY, HIDDEN);
      kernels.write(moved, table);
      LlamaWeights weights = model.weights();
      Llama expected =
          Llama.trained(
              kernels,
              checkpoint.config(),
              name ->
                  switch (name) {
                    case TensorNames.EMBED_TOKENS -> moved;
                    case TensorNames.LM_HEAD -> weights.head();
                    case TensorNames.NORM -> weights.finalNorm();
                    default -> layerWeight(weights, name);
                  },
              name -> moved);
      double byHand = expected.trainingPass(40, StackedRanks.NONE, false).loss(batch);
      assertThat(noisy).isCloseTo(byHand, within(1e-5 * byHand));
      assertThat(Math.abs(pass.loss(batch) - byHand)).isGreaterThan(1e-3 * byHand);
    }
  }

  private static dev.graft.trainer.tensor.Tensor layerWeight(LlamaWeights weights, String name) {
    for (int i = 0; i < weights.layers().size(); i++) {
      TensorNames.Layer names = TensorNames.layer(i);
      LlamaWeights.Layer layer = weights.layers().get(i);
      if (name.equals(names.inputLayernorm())) {
        return layer.inputNorm();
      } else if (name.equals(names.postAttentionLayernorm())) {
        return layer.postAttentionNorm();
      }
      for (var entry : layer.projections().entrySet()) {
        if (name.equals(names.projection(entry.getKey()))) {
          return entry.getValue();
        }
      }
    }
    throw new IllegalArgumentException(name);
  }
}
