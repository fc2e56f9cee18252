package dev.graft.modelio.peft;

import dev.graft.modelio.VocabularyModule;

/**
 * The adapter of a weight with a row for each token: {@code W + scale · tokens · hidden}. PEFT
 * calls {@code hidden} A and {@code tokens} B of {@code lm_head}; of {@code embed_tokens} it is the
 * other way round, both transposed.
 *
 * @param tokens {@code (vocab, rank)}, row-major
 * @param hidden {@code (rank, hidden)}, row-major
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, not copied
public record VocabularyLora(VocabularyModule module, int rank, float[] tokens, float[] hidden) {
  public VocabularyLora {
    if (rank < 1 || tokens.length % rank != 0 || hidden.length % rank != 0) {
      throw new IllegalArgumentException(
          "%s: %d and %d elements, which no rank %d gives"
              .formatted(module.path(), tokens.length, hidden.length, rank));
    }
  }

  /** Rows of the weight. */
  public int vocabulary() {
    return tokens.length / rank;
  }

  /** Columns of the weight. */
  public int width() {
    return hidden.length / rank;
  }

  /** A matrix turned over. */
  static float[] transposed(float[] matrix, int rows, int columns) {
    float[] turned = new float[matrix.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        turned[column * rows + row] = matrix[row * columns + column];
      }
    }
    return turned;
  }
}
