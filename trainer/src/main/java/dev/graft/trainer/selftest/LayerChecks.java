package dev.graft.trainer.selftest;

import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.Arrays;
import java.util.List;

/** Embedding, normalization, positions, gates and the loss. */
final class LayerChecks {

  private static final float EPSILON = 1e-5f;
  private static final List<Size> SIZES = Size.list(1, 1, 1, 31, 7, 7, 31, 64, 7, 207);

  /** Higher than a block adds at once, for what sums over rows. */
  private static final List<Size> HIGH_SIZES =
      Size.list(1, 1, 1, 31, 7, 7, 31, 64, 7, 207, 207, 193);

  private static final List<Size> VOCABULARIES =
      Size.list(1, 1, 1, 7, 7, 31, 31, 64, 7, 207, 3, 4096);

  private static final List<Heads> HEADS =
      List.of(
          new Heads(1, 1, 2),
          new Heads(7, 3, 10),
          new Heads(31, 8, 8),
          new Heads(31, 2, 64),
          new Heads(7, 1, 62));

  private record Heads(int tokens, int heads, int headDim) {

    @Override
    public String toString() {
      return "%d tokens, %d heads of %d".formatted(tokens, heads, headDim);
    }
  }

  private final TwinKernels twins;

  private LayerChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(LayerChecks::new)
        .each("embed", SIZES, LayerChecks::embed)
        .each("embedBackward", HIGH_SIZES, LayerChecks::embedBackward)
        .each("rmsNorm", SIZES, LayerChecks::rmsNorm)
        .each("rmsNormBackward", SIZES, LayerChecks::rmsNormBackward)
        .each("rmsNormBackwardWeight", HIGH_SIZES, LayerChecks::rmsNormBackwardWeight)
        .each("rope", HEADS, LayerChecks::rope)
        .each("ropeBackward", HEADS, LayerChecks::ropeBackward)
        .each("swiGlu", SIZES, LayerChecks::swiGlu)
        .one("swiGlu", "far from zero", LayerChecks::swiGluFarFromZero)
        .each("swiGluBackward", SIZES, LayerChecks::swiGluBackward)
        .one("swiGluBackward", "far from zero", LayerChecks::swiGluBackwardFarFromZero)
        .each("crossEntropy", VOCABULARIES, LayerChecks::crossEntropy)
        .one("crossEntropy", "large logits", LayerChecks::crossEntropyOfLargeLogits)
        .each("crossEntropyLoss", VOCABULARIES, LayerChecks::crossEntropyLoss)
        .checks();
  }

  private void embed(Size size) {
    int tokens = size.rows();
    int hidden = size.columns();
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (Layout layout : Layout.values()) {
        int[] ids = new int[tokens];
        for (int t = 0; t < tokens; t++) {
          ids[t] = t == 0 ? 12 : twins.random().nextInt(13);
        }
        Twin table = twins.weight(type, 13, hidden);
        Twin places = twins.integers(ids);
        Twin out = twins.random(ElementType.F32, tokens, hidden, layout);
        twins.run(k -> k.embed(places.on(k), table.on(k), out.on(k)));
        twins.expectEqual(out);
      }
    }
  }

  /** Thirteen rows for more tokens, so that some are added to often and some never. */
  private void embedBackward(Size size) {
    int tokens = size.rows();
    int hidden = size.columns();
    for (Layout layout : Layout.values()) {
      int[] ids = new int[tokens];
      for (int t = 0; t < tokens; t++) {
        ids[t] = t == 0 ? 12 : twins.random().nextInt(12);
      }
      Twin places = twins.integers(ids);
      Twin dout = twins.random(ElementType.F32, tokens, hidden, layout);
      Twin dtable = twins.random(ElementType.F32, 13, hidden, layout);
      twins.run(k -> k.embedBackward(places.on(k), dout.on(k), dtable.on(k)));
      twins.expectClose(dtable, TwinKernels.inFloat(tokens, 1));
    }
  }

  private void rmsNorm(Size size) {
    int tokens = size.rows();
    int hidden = size.columns();
    for (ElementType weightType :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (ElementType out : new ElementType[] {ElementType.F32, twins.act()}) {
        for (Layout layout : Layout.values()) {
          // Small enough that epsilon counts.
          Twin x = twins.random(ElementType.F32, tokens, hidden, layout, 0.01f);
          Twin weight = twins.weight(weightType, 1, hidden);
          Twin y = twins.random(out, tokens, hidden, layout);
          Twin inverseRms = twins.vector(ElementType.F32, tokens);
          twins.run(k -> k.rmsNorm(x.on(k), weight.on(k), EPSILON, y.on(k), inverseRms.on(k)));
          // r is near 100, and x · r near 1.
          twins.expectClose(inverseRms, TwinKernels.inFloat(1, 100));
          twins.expectClose(y, TwinKernels.inFloat(hidden, 1));
        }
      }
    }
  }

  private void rmsNormBackward(Size size) {
    int tokens = size.rows();
    int hidden = size.columns();
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      for (Layout layout : Layout.values()) {
        Twin x = twins.random(ElementType.F32, tokens, hidden, layout);
        Twin weight = twins.weight(type, 1, hidden);
        Twin y = twins.random(ElementType.F32, tokens, hidden, layout);
        Twin inverseRms = twins.vector(ElementType.F32, tokens);
        twins.run(k -> k.rmsNorm(x.on(k), weight.on(k), EPSILON, y.on(k), inverseRms.on(k)));
        float largest = 1;
        for (float r : inverseRms.actual()) {
          largest = Math.max(largest, r);
        }
        y.actual();
        Twin dy = twins.random(ElementType.F32, tokens, hidden, layout);
        Twin dx = twins.random(ElementType.F32, tokens, hidden, layout);
        twins.run(
            k -> k.rmsNormBackward(dy.on(k), x.on(k), weight.on(k), inverseRms.on(k), dx.on(k)));
        twins.expectClose(dx, TwinKernels.inFloat(hidden, largest));
      }
    }
  }

  private void rmsNormBackwardWeight(Size size) {
    int tokens = size.rows();
    int hidden = size.columns();
    for (Layout layout : Layout.values()) {
      Twin x = twins.random(ElementType.F32, tokens, hidden, layout);
      Twin dy = twins.random(ElementType.F32, tokens, hidden, layout);
      Twin inverseRms = twins.vector(ElementType.F32, tokens);
      Twin dweight = twins.vector(ElementType.F32, hidden);
      twins.run(k -> k.rmsNormBackwardWeight(dy.on(k), x.on(k), inverseRms.on(k), dweight.on(k)));
      twins.expectClose(dweight, TwinKernels.inFloat(tokens, 1));
    }
  }

  private void rope(Heads heads) {
    for (Layout layout : Layout.values()) {
      Rotation rotation = rotation(heads.tokens, heads.headDim);
      Twin x = twins.random(twins.act(), heads.tokens, heads.heads * heads.headDim, layout);
      twins.run(k ->
          k.rope(x.on(k), rotation.positions.on(k), rotation.cosine.on(k), rotation.sine.on(k)));
      twins.expectClose(x, TwinKernels.inFloat(2, 1));
    }
  }

  private void ropeBackward(Heads heads) {
    for (Layout layout : Layout.values()) {
      Rotation rotation = rotation(heads.tokens, heads.headDim);
      Twin dx = twins.random(twins.act(), heads.tokens, heads.heads * heads.headDim, layout);
      twins.run(k ->
          k.ropeBackward(
              dx.on(k), rotation.positions.on(k), rotation.cosine.on(k), rotation.sine.on(k)));
      twins.expectClose(dx, TwinKernels.inFloat(2, 1));
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
        twins.integers(positions),
        twins.of(ElementType.F32, capacity, half, Layout.PACKED, cosines),
        twins.of(ElementType.F32, capacity, half, Layout.PACKED, sines));
  }

  private void swiGlu(Size size) {
    int tokens = size.rows();
    int intermediate = size.columns();
    for (Layout layout : Layout.values()) {
      Twin gate = twins.random(twins.act(), tokens, intermediate, layout, 3);
      Twin up = twins.random(twins.act(), tokens, intermediate, layout);
      Twin out = twins.random(twins.act(), tokens, intermediate, layout);
      twins.run(k -> k.swiGlu(gate.on(k), up.on(k), out.on(k)));
      twins.expectClose(out, TwinKernels.inFloat(1, 6));
    }
  }

  private void swiGluFarFromZero() {
    Twin gate = gatesFarFromZero();
    Twin up = ones(gate.columns());
    Twin out = twins.vector(twins.act(), gate.columns());
    twins.run(k -> k.swiGlu(gate.on(k), up.on(k), out.on(k)));
    twins.expectClose(out, TwinKernels.inFloat(1, 1));
  }

  private void swiGluBackwardFarFromZero() {
    Twin gate = gatesFarFromZero();
    Twin up = ones(gate.columns());
    Twin dgate = twins.vector(twins.act(), gate.columns());
    Twin dup = twins.vector(twins.act(), gate.columns());
    twins.run(k -> k.swiGluBackward(gate.on(k), up.on(k), up.on(k), dgate.on(k), dup.on(k)));
    twins.expectClose(dgate, TwinKernels.inFloat(1, 1));
    twins.expectClose(dup, TwinKernels.inFloat(1, 1));
  }

  private Twin gatesFarFromZero() {
    float[] gates = {-1e4f, -200, -100, -88.5f, -30, -1e-30f, 0, 1e-30f, 30, 88.5f, 100, 200, 1e4f};
    return twins.of(twins.act(), 1, gates.length, Layout.PACKED, gates);
  }

  private Twin ones(int columns) {
    float[] ones = new float[columns];
    Arrays.fill(ones, 1);
    return twins.of(twins.act(), 1, columns, Layout.PACKED, ones);
  }

  private void swiGluBackward(Size size) {
    int tokens = size.rows();
    int intermediate = size.columns();
    for (Layout layout : Layout.values()) {
      for (boolean inPlace : new boolean[] {false, true}) {
        Twin gate = twins.random(twins.act(), tokens, intermediate, layout, 2);
        Twin up = twins.random(twins.act(), tokens, intermediate, layout);
        Twin dout = twins.random(twins.act(), tokens, intermediate, layout);
        Twin dgate = inPlace ? dout : twins.random(twins.act(), tokens, intermediate, layout);
        Twin dup = twins.random(twins.act(), tokens, intermediate, layout);
        twins.run(k -> k.swiGluBackward(gate.on(k), up.on(k), dout.on(k), dgate.on(k), dup.on(k)));
        twins.expectClose(dgate, TwinKernels.inFloat(1, 6));
        twins.expectClose(dup, TwinKernels.inFloat(1, 6));
      }
    }
  }

  private void crossEntropy(Size size) {
    int rows = size.rows();
    int vocabulary = size.columns();
    for (Layout layout : Layout.values()) {
      boolean sameType = twins.act() == ElementType.F32;
      for (boolean inPlace : new boolean[] {false, sameType}) {
        Twin logits = twins.random(ElementType.F32, rows, vocabulary, layout, 3);
        Twin targets = targets(rows, vocabulary);
        Twin loss = twins.vector(ElementType.F32, rows);
        Twin dlogits = inPlace ? logits : twins.random(twins.act(), rows, vocabulary, layout);
        twins.run(
            k -> k.crossEntropy(logits.on(k), targets.on(k), 0.37f, loss.on(k), dlogits.on(k)));
        twins.expectClose(loss, TwinKernels.inFloat(1, 12));
        twins.expectClose(dlogits, TwinKernels.inFloat(1, 1));
      }
    }
  }

  private void crossEntropyLoss(Size size) {
    int rows = size.rows();
    int vocabulary = size.columns();
    for (Layout layout : Layout.values()) {
      Twin logits = twins.random(ElementType.F32, rows, vocabulary, layout, 3);
      Twin targets = targets(rows, vocabulary);
      Twin loss = twins.vector(ElementType.F32, rows);
      twins.run(k -> k.crossEntropyLoss(logits.on(k), targets.on(k), loss.on(k)));
      twins.expectClose(loss, TwinKernels.inFloat(1, 12));
    }
  }

  private void crossEntropyOfLargeLogits() {
    float[] numbers = {-1e4f, 900, 899, 3, 1e4f, -1e4f};
    Twin logits = twins.of(ElementType.F32, 2, 3, Layout.PACKED, numbers);
    Twin targets = twins.integers(2, 0);
    Twin loss = twins.vector(ElementType.F32, 2);
    Twin dlogits = twins.random(twins.act(), 2, 3, Layout.PACKED);
    twins.run(k -> k.crossEntropy(logits.on(k), targets.on(k), 1, loss.on(k), dlogits.on(k)));
    // An error in a logit is one in an exponent.
    twins.expectClose(loss, TwinKernels.inFloat(1, 900));
    twins.expectClose(dlogits, TwinKernels.inFloat(1, 900));
  }

  /** The first and the last class among them. */
  private Twin targets(int rows, int vocabulary) {
    int[] targets = new int[rows];
    for (int row = 0; row < rows; row++) {
      targets[row] = row == 0 ? vocabulary - 1 : (row * row - 1) % vocabulary;
    }
    return twins.integers(targets);
  }
}
