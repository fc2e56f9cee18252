package dev.graft.modelio.djl;

import ai.djl.BaseModel;
import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.Translator;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Hugging Face folder as a DJL model. Loading it maps and checks the {@link Checkpoint};
 * computing with it takes a {@link ModelRuntime}.
 */
public final class GraftModel extends BaseModel {
  private @Nullable Checkpoint checkpoint;

  GraftModel(String name, NDManager manager) {
    super(name);
    this.manager = manager;
    this.dataType = DataType.FLOAT32;
  }

  /**
   * Loads a folder as any DJL program would, with errors as {@link ModelIoException}.
   *
   * @param options for the {@link ModelRuntime}
   */
  public static GraftModel load(Path folder, Map<String, String> options) {
    // DJL would list the folder and only say that it found no model.
    if (!Files.isDirectory(folder)) {
      Checkpoint.open(folder).close();
    }
    try {
      ZooModel<NDList, NDList> model =
          Criteria.builder()
              .setTypes(NDList.class, NDList.class)
              .optEngine(GraftEngine.NAME)
              // Not optModelPath: DJL would take a comma in the path for the end of an address.
              .optModelUrls(folder.toUri().toString().replace(",", "%2C"))
              .optOptions(options)
              .build()
              .loadModel();
      return (GraftModel) model.getWrappedModel();
    } catch (MalformedModelException e) {
      throw e.getCause() instanceof ModelIoException cause ? cause : failed(folder, e);
    } catch (IOException | ModelNotFoundException e) {
      throw failed(folder, e);
    }
  }

  private static ModelIoException failed(Path folder, Exception e) {
    return new ModelIoException(folder + " could not be loaded: " + e.getMessage(), e);
  }

  /**
   * Opens the folder. DJL looks for a model file of a certain name; a Hugging Face folder has fixed
   * names, so that {@code prefix} has no meaning here.
   *
   * @throws MalformedModelException whose cause is a {@link ModelIoException}, where the folder is
   *     not a model that graft supports
   */
  @Override
  public void load(Path modelPath, @Nullable String prefix, @Nullable Map<String, ?> options)
      throws IOException, MalformedModelException {
    if (block != null) {
      throw new UnsupportedOperationException(
          block instanceof GraftBlock
              ? "This model is loaded already."
              : "The graft engine computes its own architectures; do not set a block.");
    }
    Path folder =
        Files.isRegularFile(modelPath) ? modelPath.toAbsolutePath().getParent() : modelPath;
    setModelDir(folder);
    try {
      Checkpoint opened = Checkpoint.open(modelDir);
      checkpoint = opened;
      block = new GraftBlock(opened, strings(options));
      wasLoaded = true;
      dataType =
          switch (opened.dtype()) {
            case F16 -> DataType.FLOAT16;
            case BF16 -> DataType.BFLOAT16;
            default -> DataType.FLOAT32;
          };
    } catch (ModelIoException e) {
      throw new MalformedModelException(e.getMessage(), e);
    }
  }

  private Map<String, String> strings(@Nullable Map<String, ?> options) {
    Map<String, String> strings = new HashMap<>();
    if (options != null) {
      options.forEach((key, value) -> strings.put(key, String.valueOf(value)));
    }
    if (manager.getDevice().isGpu()) {
      strings.putIfAbsent("device", "cuda");
    }
    return strings;
  }

  /** The open checkpoint. It is closed with this model. */
  public Checkpoint checkpoint() {
    if (checkpoint == null) {
      throw new IllegalStateException("This model is not loaded yet.");
    }
    return checkpoint;
  }

  /** What computes with the checkpoint, opened when first asked for and closed with this model. */
  public ModelSession session() {
    checkpoint();
    return ((GraftBlock) block).session();
  }

  /** Fails at once where no {@link ModelRuntime} is on the class path. */
  @Override
  public <I, O> Predictor<I, O> newPredictor(Translator<I, O> translator, Device device) {
    session();
    return super.newPredictor(translator, device);
  }

  @Override
  public String[] getArtifactNames() {
    try (Stream<Path> files = Files.list(modelDir)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toArray(String[]::new);
    } catch (IOException e) {
      throw new ModelIoException(modelDir + " cannot be listed: " + e.getMessage() + ".", e);
    }
  }

  /** Closes the session, then unmaps the weights. */
  @Override
  public void close() {
    if (block instanceof GraftBlock graft) {
      graft.close();
    }
    if (checkpoint != null) {
      checkpoint.close();
    }
    super.close();
  }
}
