package dev.graft.trainer.bench;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The products of a step with the base weights and nothing else: each layer's seven and the output
 * projection's chunks, forward and towards the input, on the mapped weights themselves and with the
 * types that the step has. What they take is the floor that a step is held against.
 */
final class RawProducts {

  /** Rows of logits that the model computes at once. */
  private static final int HEAD_ROWS = 256;

  /**
   * One linear layer.
   *
   * @param x (rows, in) act
   * @param y (rows, out) act, or float32 where the model adds to the residual stream
   * @param dy (rows, out) act
   * @param dx (rows, in) act or float32
   * @param accumulates whether the model's forward adds to what is there
   * @param accumulatesBack whether its backward does
   * @param backward whether the model computes the gradient towards the input
   */
  private record Product(
      Tensor x,
      Tensor w,
      Tensor y,
      Tensor dy,
      Tensor dx,
      boolean accumulates,
      boolean accumulatesBack,
      boolean backward) {

    long flops() {
      return 2L * x.rows() * w.rows() * w.columns() * (backward ? 2 : 1);
    }
  }

  private final Kernels kernels;
  private final List<Product> products = new ArrayList<>();
  private final int layerProducts;
  private final Tensor act; // (T, widest) act: every x
  private final Tensor gradient; // (T, widest) act: every dy but the output projection's
  private final Tensor result; // (T, widest) act: written, never read
  private final Tensor wide; // (T, d) float32
  private final Tensor logits; // (HEAD_ROWS, V) float32
  private final Tensor logitsGradient; // (HEAD_ROWS, V) act

  RawProducts(Kernels kernels, Checkpoint checkpoint, int tokens) {
    this.kernels = kernels;
    ModelConfig config = checkpoint.config();
    ElementType type = kernels.activationType();
    int rows = kernels.efficientRows(tokens);
    int widest = 0;
    for (Projection projection : Projection.values()) {
      widest = Math.max(widest, projection.inFeatures(config));
      widest = Math.max(widest, projection.outFeatures(config));
    }
    int chunk = Math.min(HEAD_ROWS, rows);
    this.act = kernels.allocate(type, rows, widest);
    this.gradient = kernels.allocate(type, rows, widest);
    this.result = kernels.allocate(type, rows, widest);
    this.wide = kernels.allocate(ElementType.F32, rows, config.hiddenSize());
    this.logits = kernels.allocate(ElementType.F32, chunk, config.vocabSize());
    this.logitsGradient =
        type == ElementType.F32 ? logits : kernels.allocate(type, chunk, config.vocabSize());
    fill(act);
    fill(gradient);
    for (int layer = 0; layer < config.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        Tensor weight = weight(checkpoint.tensor(projection.path(layer) + ".weight"));
        products.add(product(projection, weight, rows, layer > 0));
      }
    }
    this.layerProducts = products.size();
    Tensor head = weight(checkpoint.lmHead());
    for (int from = 0; from < rows; from += chunk) {
      products.add(head(head, Math.min(chunk, rows - from)));
    }
  }

  /** Activations are not all zero, or the processor would draw less power than in a step. */
  private void fill(Tensor tensor) {
    Random random = new Random(1);
    float[] row = new float[tensor.columns()];
    for (int i = 0; i < tensor.rows(); i++) {
      for (int j = 0; j < row.length; j++) {
        row[j] = 0.01f * (random.nextFloat() - 0.5f);
      }
      kernels.write(tensor.rows(i, 1), row);
    }
  }

  private Tensor weight(TensorView view) {
    ElementType type =
        switch (view.dtype()) {
          case F32 -> ElementType.F32;
          case BF16 -> ElementType.BF16;
          case F16 -> ElementType.F16;
          default -> throw new IllegalArgumentException(view.name() + " is " + view.dtype());
        };
    int rows = Math.toIntExact(view.dim(0));
    return kernels.weight(type, rows, Math.toIntExact(view.dim(1)), view.data());
  }

  private Product product(Projection projection, Tensor w, int rows, boolean notFirstLayer) {
    Tensor x = view(act, rows, w.columns());
    Tensor dy = view(gradient, rows, w.rows());
    Tensor y = view(result, rows, w.rows());
    Tensor dx = view(result, rows, w.columns());
    return switch (projection) {
      case Q_PROJ -> new Product(x, w, y, dy, wide, false, false, notFirstLayer);
      case K_PROJ, V_PROJ -> new Product(x, w, y, dy, wide, false, true, notFirstLayer);
      case O_PROJ, DOWN_PROJ -> new Product(x, w, wide, dy, dx, true, false, true);
      case GATE_PROJ -> new Product(x, w, y, dy, wide, false, false, true);
      case UP_PROJ -> new Product(x, w, y, dy, wide, false, true, true);
    };
  }

  private Product head(Tensor w, int rows) {
    Tensor x = view(act, rows, w.columns());
    Tensor y = logits.rows(0, rows);
    Tensor dy = logitsGradient.rows(0, rows);
    return new Product(x, w, y, dy, wide.rows(0, rows), false, false, true);
  }

  private static Tensor view(Tensor storage, int rows, int columns) {
    return new Tensor(storage.buffer(), storage.offset(), storage.type(), rows, columns, columns);
  }

  /** Floating-point operations of one {@link #run}. */
  long flops() {
    return products.stream().mapToLong(Product::flops).sum();
  }

  /** Floating-point operations of one {@link #layersForward}. */
  long layersForwardFlops() {
    long flops = 0;
    for (int i = 0; i < layerProducts; i++) {
      Product p = products.get(i);
      flops += 2L * p.x.rows() * p.w.rows() * p.w.columns();
    }
    return flops;
  }

  /** Computes the layers' products forward, without the output projection: those of a prompt. */
  void layersForward() {
    for (int i = 0; i < layerProducts; i++) {
      Product p = products.get(i);
      kernels.linear(p.x, p.w, p.y, p.accumulates);
    }
  }

  /** Computes all of them: forward from the first, then towards the inputs from the last. */
  void run() {
    for (Product p : products) {
      kernels.linear(p.x, p.w, p.y, p.accumulates);
    }
    for (int i = products.size() - 1; i >= 0; i--) {
      Product p = products.get(i);
      if (p.backward) {
        kernels.linearBackwardInput(p.dy, p.w, p.dx, p.accumulatesBack);
      }
    }
  }
}
