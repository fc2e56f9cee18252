package dev.graft.modelio.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/** DJL's view of graft: makes models that load Hugging Face folders of Llama and Mistral models. */
public final class GraftEngine extends Engine {
  /** The name for {@code Criteria.optEngine}. */
  public static final String NAME = "graft";

  private final int rank;
  private final GraftNDManager.Root root;

  GraftEngine(int rank) {
    this.rank = rank;
    this.root = new GraftNDManager.Root(this);
  }

  /** None: arrays of this engine carry token ids in and logits out, they do not compute. */
  @Override
  @SuppressWarnings("NullAway") // DJL is not annotated; null is its word for "none" here
  public Engine getAlternativeEngine() {
    return null;
  }

  @Override
  public String getEngineName() {
    return NAME;
  }

  @Override
  public int getRank() {
    return rank;
  }

  @Override
  public String getVersion() {
    String version = GraftEngine.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  /** Devices are chosen by the runtime through the option {@code device}, not by DJL. */
  @Override
  public boolean hasCapability(String capability) {
    return false;
  }

  @Override
  public Model newModel(String name, @Nullable Device device) {
    return new GraftModel(name, newBaseManager(device));
  }

  @Override
  public NDManager newBaseManager() {
    return newBaseManager(null);
  }

  @Override
  public NDManager newBaseManager(@Nullable Device device) {
    return root.newSubManager(device == null ? defaultDevice() : device);
  }
}
