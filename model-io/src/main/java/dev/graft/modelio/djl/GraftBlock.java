package dev.graft.modelio.djl;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractSymbolBlock;
import ai.djl.nn.ParameterList;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import ai.djl.util.passthrough.PassthroughNDArray;
import dev.graft.modelio.checkpoint.Checkpoint;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/**
 * The whole model as one DJL block: token ids {@code (T)} or {@code (B, T)}, int64 or int32, to
 * float32 logits {@code (T, vocab)} or {@code (B, T, vocab)}. One call runs at a time, whoever
 * calls.
 */
final class GraftBlock extends AbstractSymbolBlock implements AutoCloseable {
  private final Checkpoint checkpoint;
  private final Map<String, String> options;
  private @Nullable ModelSession session;

  GraftBlock(Checkpoint checkpoint, Map<String, String> options) {
    this.checkpoint = checkpoint;
    this.options = Map.copyOf(options);
  }

  /** The session, opened when it is first needed: a program may want to look at weights only. */
  synchronized ModelSession session() {
    if (session == null) {
      ClassLoader loader = Thread.currentThread().getContextClassLoader();
      ModelRuntime runtime =
          ServiceLoader.load(
                  ModelRuntime.class, loader == null ? getClass().getClassLoader() : loader)
              .findFirst()
              .orElseThrow(() ->
                  new EngineException(
                      "The model is loaded, but nothing on the class path can compute with it:"
                          + " add dev.graft:graft-trainer."));
      session = runtime.open(checkpoint, options);
    }
    return session;
  }

  @Override
  protected synchronized NDList forwardInternal(
      ParameterStore parameterStore,
      NDList inputs,
      boolean training,
      @Nullable PairList<String, Object> params) {
    if (training) {
      throw new UnsupportedOperationException("The graft engine trains through `graft train`.");
    }
    if (inputs.size() != 1) {
      throw new IllegalArgumentException(
          "One array is expected, the token ids without padding; found " + inputs.size() + ".");
    }
    if (inputs.head() instanceof PassthroughNDArray text && text.getObject() instanceof String s) {
      return new NDList(new PassthroughNDArray(session().generate(s)));
    }
    return new NDList(logits(inputs.head()));
  }

  private NDArray logits(NDArray ids) {
    Shape shape = ids.getShape();
    if (shape.dimension() < 1 || shape.dimension() > 2 || shape.size() == 0) {
      throw new IllegalArgumentException(
          "Token ids of shape (T) or (B, T) are expected; found " + shape + ".");
    }
    int vocab = checkpoint.config().vocabSize();
    int length = (int) shape.tail();
    int[] tokens = tokens(ids, vocab);
    long bytes = 4L * tokens.length * vocab;
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "The logits of %d tokens need %d bytes, more than one array holds; give fewer tokens."
              .formatted(tokens.length, bytes));
    }
    NDManager manager = ids.getManager();
    ByteBuffer logits = manager.allocateDirect((int) bytes);
    FloatBuffer all = logits.asFloatBuffer();
    for (int start = 0; start < tokens.length; start += length) {
      int[] sequence = Arrays.copyOfRange(tokens, start, start + length);
      session().logits(sequence, all.slice(start * vocab, length * vocab));
    }
    return manager.create(logits, shape.add(vocab), DataType.FLOAT32);
  }

  private static int[] tokens(NDArray ids, int vocab) {
    long[] wide =
        switch (ids.getDataType()) {
          case INT64 -> ids.toLongArray();
          case INT32 -> Arrays.stream(ids.toIntArray()).asLongStream().toArray();
          default ->
              throw new IllegalArgumentException(
                  "Token ids are int64 or int32; found " + ids.getDataType() + ".");
        };
    int[] tokens = new int[wide.length];
    for (int i = 0; i < wide.length; i++) {
      if (wide[i] < 0 || wide[i] >= vocab) {
        throw new IllegalArgumentException(
            "Token id %d at %d is not in the vocabulary of %d.".formatted(wide[i], i, vocab));
      }
      tokens[i] = (int) wide[i];
    }
    return tokens;
  }

  @Override
  public PairList<String, Shape> describeInput() {
    PairList<String, Shape> inputs = new PairList<>();
    inputs.add("input_ids", new Shape(-1));
    return inputs;
  }

  @Override
  public PairList<String, Shape> describeOutput() {
    PairList<String, Shape> outputs = new PairList<>();
    outputs.add("logits", new Shape(-1, checkpoint.config().vocabSize()));
    return outputs;
  }

  /** None that DJL could touch: the weights are mapped, read-only and not DJL's. */
  @Override
  public ParameterList getDirectParameters() {
    return new ParameterList();
  }

  @Override
  public void removeLastBlock() {
    throw new UnsupportedOperationException("The graft engine's model is one block.");
  }

  @Override
  public synchronized void close() {
    if (session != null) {
      session.close();
    }
  }
}
