package dev.graft.trainer.kernels;

import dev.graft.trainer.kernels.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Embedding, normalization, positions, gates and the loss. */
interface LayerContract extends Contract {

  float EPSILON = 1e-5f;

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207"})
  default void embed(int tokens, int hidden) {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (Layout layout : Layout.values()) {
        int[] ids = new int[tokens];
        for (int t = 0; t < tokens; t++) {
          ids[t] = t == 0 ? 12 : twins().random().nextInt(13);
        }
        Twin table = twins().weight(type, 13, hidden);
        Twin places = twins().integers(ids);
        Twin out = twins().random(ElementType.F32, tokens, hidden, layout);
        twins().run(k -> k.embed(places.on(k), table.on(k), out.on(k)));
        twins().assertEqual(out);
      }
    }
  }

  /** Thirteen rows for more tokens, so that some are added to often and some never. */
  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207", "207, 193"})
  default void embedBackward(int tokens, int hidden) {
    for (Layout layout : Layout.values()) {
      int[] ids = new int[tokens];
      for (int t = 0; t < tokens; t++) {
        ids[t] = t == 0 ? 12 : twins().random().nextInt(12);
      }
      Twin places = twins().integers(ids);
      Twin dout = twins().random(ElementType.F32, tokens, hidden, layout);
      Twin dtable = twins().random(ElementType.F32, 13, hidden, layout);
      twins().run(k -> k.embedBackward(places.on(k), dout.on(k), dtable.on(k)));
      twins().assertClose(dtable, TwinKernels.inFloat(tokens, 1));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207"})
  default void rmsNorm(int tokens, int hidden) {
    for (ElementType weightType :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (ElementType out : new ElementType[] {ElementType.F32, twins().act()}) {
        for (Layout layout : Layout.values()) {
          // Small enough that epsilon counts.
          Twin x = twins().random(ElementType.F32, tokens, hidden, layout, 0.01f);
          Twin weight = twins().weight(weightType, 1, hidden);
          Twin y = twins().random(out, tokens, hidden, layout);
          Twin inverseRms = twins().vector(ElementType.F32, tokens);
          twins().run(k -> k.rmsNorm(x.on(k), weight.on(k), EPSILON, y.on(k), inverseRms.on(k)));
          // r is near 100, and x · r near 1.
          twins().assertClose(inverseRms, TwinKernels.inFloat(1, 100));
          twins().assertClose(y, TwinKernels.inFloat(hidden, 1));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207"})
  default void rmsNormBackward(int tokens, int hidden) {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (Layout layout : Layout.values()) {
        Twin x = twins().random(ElementType.F32, tokens, hidden, layout);
        Twin weight = twins().weight(type, 1, hidden);
        Twin y = twins().random(ElementType.F32, tokens, hidden, layout);
        Twin inverseRms = twins().vector(ElementType.F32, tokens);
        twins().run(k -> k.rmsNorm(x.on(k), weight.on(k), EPSILON, y.on(k), inverseRms.on(k)));
        float largest = 1;
        for (float r : inverseRms.actual()) {
          largest = Math.max(largest, r);
        }
        y.actual();
        Twin dy = twins().random(ElementType.F32, tokens, hidden, layout);
        Twin dx = twins().random(ElementType.F32, tokens, hidden, layout);
        twins()
            .run(k ->
                k.rmsNormBackward(dy.on(k), x.on(k), weight.on(k), inverseRms.on(k), dx.on(k)));
        twins().assertClose(dx, TwinKernels.inFloat(hidden, largest));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207", "207, 193"})
  default void rmsNormBackwardWeight(int tokens, int hidden) {
    for (Layout layout : Layout.values()) {
      Twin x = twins().random(ElementType.F32, tokens, hidden, layout);
      Twin dy = twins().random(ElementType.F32, tokens, hidden, layout);
      Twin inverseRms = twins().vector(ElementType.F32, tokens);
      Twin dweight = twins().vector(ElementType.F32, hidden);
      twins().run(k -> k.rmsNormBackwardWeight(dy.on(k), x.on(k), inverseRms.on(k), dweight.on(k)));
      twins().assertClose(dweight, TwinKernels.inFloat(tokens, 1));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 2", "7, 3, 10", "31, 8, 8", "31, 2, 64", "7, 1, 62"})
  default void rope(int tokens, int heads, int headDim) {
    for (Layout layout : Layout.values()) {
      Rotation rotation = rotation(tokens, headDim);
      Twin x = twins().random(twins().act(), tokens, heads * headDim, layout);
      twins()
          .run(k ->
              k.rope(
                  x.on(k), rotation.positions.on(k), rotation.cosine.on(k), rotation.sine.on(k)));
      twins().assertClose(x, TwinKernels.inFloat(2, 1));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 2", "7, 3, 10", "31, 8, 8", "31, 2, 64", "7, 1, 62"})
  default void ropeBackward(int tokens, int heads, int headDim) {
    for (Layout layout : Layout.values()) {
      Rotation rotation = rotation(tokens, headDim);
      Twin dx = twins().random(twins().act(), tokens, heads * headDim, layout);
      twins()
          .run(k ->
              k.ropeBackward(
                  dx.on(k), rotation.positions.on(k), rotation.cosine.on(k), rotation.sine.on(k)));
      twins().assertClose(dx, TwinKernels.inFloat(2, 1));
    }
  }

  /** Angles that no two pairs or positions share. */
  record Rotation(Twin positions, Twin cosine, Twin sine) {}

  private Rotation rotation(int tokens, int headDim) {
    int half = headDim / 2;
    int capacity = 40;
    float[] cosines = new float[capacity * half];
    float[] sines = new float[capacity * half];
    for (int i = 0; i < cosines.length; i++) {
      double angle = (i / half) * Math.pow(100, -2.0 * (i % half) / headDim);
      cosines[i] = (float) Math.cos(angle);
      sines[i] = (float) Math.sin(angle);
    }
    int[] positions = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      positions[t] = (5 + 7 * t) % capacity;
    }
    return new Rotation(
        twins().integers(positions),
        twins().of(ElementType.F32, capacity, half, Layout.PACKED, cosines),
        twins().of(ElementType.F32, capacity, half, Layout.PACKED, sines));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207"})
  default void swiGlu(int tokens, int intermediate) {
    for (Layout layout : Layout.values()) {
      Twin gate = twins().random(twins().act(), tokens, intermediate, layout, 3);
      Twin up = twins().random(twins().act(), tokens, intermediate, layout);
      Twin out = twins().random(twins().act(), tokens, intermediate, layout);
      twins().run(k -> k.swiGlu(gate.on(k), up.on(k), out.on(k)));
      twins().assertClose(out, TwinKernels.inFloat(1, 6));
    }
  }

  @Test
  default void swiGluFarFromZero() {
    float[] gates = {-1e4f, -200, -100, -88.5f, -30, -1e-30f, 0, 1e-30f, 30, 88.5f, 100, 200, 1e4f};
    float[] ones = new float[gates.length];
    Arrays.fill(ones, 1);
    Twin gate = twins().of(twins().act(), 1, gates.length, Layout.PACKED, gates);
    Twin up = twins().of(twins().act(), 1, gates.length, Layout.PACKED, ones);
    Twin out = twins().vector(twins().act(), gates.length);
    Twin dgate = twins().vector(twins().act(), gates.length);
    Twin dup = twins().vector(twins().act(), gates.length);
    twins().run(k -> k.swiGlu(gate.on(k), up.on(k), out.on(k)));
    twins().assertClose(out, TwinKernels.inFloat(1, 1));
    twins().run(k -> k.swiGluBackward(gate.on(k), up.on(k), up.on(k), dgate.on(k), dup.on(k)));
    twins().assertClose(dgate, TwinKernels.inFloat(1, 1));
    twins().assertClose(dup, TwinKernels.inFloat(1, 1));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 31", "7, 7", "31, 64", "7, 207"})
  default void swiGluBackward(int tokens, int intermediate) {
    for (Layout layout : Layout.values()) {
      for (boolean inPlace : new boolean[] {false, true}) {
        Twin gate = twins().random(twins().act(), tokens, intermediate, layout, 2);
        Twin up = twins().random(twins().act(), tokens, intermediate, layout);
        Twin dout = twins().random(twins().act(), tokens, intermediate, layout);
        Twin dgate = inPlace ? dout : twins().random(twins().act(), tokens, intermediate, layout);
        Twin dup = twins().random(twins().act(), tokens, intermediate, layout);
        twins()
            .run(k -> k.swiGluBackward(gate.on(k), up.on(k), dout.on(k), dgate.on(k), dup.on(k)));
        twins().assertClose(dgate, TwinKernels.inFloat(1, 6));
        twins().assertClose(dup, TwinKernels.inFloat(1, 6));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 7", "7, 31", "31, 64", "7, 207", "3, 4096"})
  default void crossEntropy(int rows, int vocabulary) {
    for (Layout layout : Layout.values()) {
      boolean sameType = twins().act() == ElementType.F32;
      for (boolean inPlace : new boolean[] {false, sameType}) {
        Twin logits = twins().random(ElementType.F32, rows, vocabulary, layout, 3);
        Twin targets = targets(rows, vocabulary);
        Twin loss = twins().vector(ElementType.F32, rows);
        Twin dlogits = inPlace ? logits : twins().random(twins().act(), rows, vocabulary, layout);
        twins()
            .run(
                k -> k.crossEntropy(logits.on(k), targets.on(k), 0.37f, loss.on(k), dlogits.on(k)));
        twins().assertClose(loss, TwinKernels.inFloat(1, 12));
        twins().assertClose(dlogits, TwinKernels.inFloat(1, 1));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 7", "7, 31", "31, 64", "7, 207", "3, 4096"})
  default void crossEntropyLoss(int rows, int vocabulary) {
    for (Layout layout : Layout.values()) {
      Twin logits = twins().random(ElementType.F32, rows, vocabulary, layout, 3);
      Twin targets = targets(rows, vocabulary);
      Twin loss = twins().vector(ElementType.F32, rows);
      twins().run(k -> k.crossEntropyLoss(logits.on(k), targets.on(k), loss.on(k)));
      twins().assertClose(loss, TwinKernels.inFloat(1, 12));
    }
  }

  @Test
  default void crossEntropyOfLargeLogits() {
    float[] numbers = {-1e4f, 900, 899, 3, 1e4f, -1e4f};
    Twin logits = twins().of(ElementType.F32, 2, 3, Layout.PACKED, numbers);
    Twin targets = twins().integers(2, 0);
    Twin loss = twins().vector(ElementType.F32, 2);
    Twin dlogits = twins().random(twins().act(), 2, 3, Layout.PACKED);
    twins().run(k -> k.crossEntropy(logits.on(k), targets.on(k), 1, loss.on(k), dlogits.on(k)));
    // An error in a logit is one in an exponent.
    twins().assertClose(loss, TwinKernels.inFloat(1, 900));
    twins().assertClose(dlogits, TwinKernels.inFloat(1, 900));
  }

  /** The first and the last class among them. */
  private Twin targets(int rows, int vocabulary) {
    int[] targets = new int[rows];
    for (int row = 0; row < rows; row++) {
      targets[row] = row == 0 ? vocabulary - 1 : (row * row - 1) % vocabulary;
    }
    return twins().integers(targets);
  }
}
