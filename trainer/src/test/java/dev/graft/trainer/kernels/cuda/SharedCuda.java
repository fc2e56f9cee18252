package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import org.jspecify.annotations.Nullable;

/** One {@link CudaKernels} for many tests: opening a card, or its simulator, takes a while. */
public final class SharedCuda implements AutoCloseable {

  private final ElementType act;
  private @Nullable CudaKernels opened;

  /** Opens nothing yet. */
  public SharedCuda(ElementType act) {
    this.act = act;
  }

  /** The kernels, which stay open when a test closes them. */
  public Kernels kernels() {
    if (opened == null) {
      opened = TestCuda.open(act);
    }
    return new Borrowed(opened);
  }

  private static final class Borrowed extends DelegatingKernels {

    Borrowed(Kernels kernels) {
      super(kernels);
    }

    @Override
    protected void perform(Work kind, Runnable work) {
      work.run();
    }

    @Override
    public void close() {}
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
      opened = null;
    }
  }
}
