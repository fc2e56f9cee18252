package dev.graft.modelio.checkpoint;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A Hugging Face model folder, open: its configuration and its weights where they lie in their
 * mapped files. That every tensor of the architecture is there with its shape, and no other, is
 * checked when it is opened, so that nothing can be missing later.
 *
 * <p>Closing it unmaps the files; every {@link TensorView} it handed out is invalid from then on.
 */
public final class Checkpoint implements ModelWeights, AutoCloseable {
  private static final String CONFIG = "config.json";

  /** Tables that old exports stored beside the weights, recomputed by everyone who reads them. */
  private static final Pattern HARMLESS = Pattern.compile(".*\\.rotary_emb\\.inv_freq");

  private static final Pattern QUANTIZED =
      Pattern.compile(".*\\.(qweight|qzeros|scales|g_idx|weight_scale|weight_packed|absmax|SCB)");

  private final Path folder;
  private final ModelConfig config;
  private final Shards shards;
  private final List<String> notes;
  private @Nullable String fingerprint;

  private Checkpoint(Path folder, ModelConfig config, Shards shards) {
    this.folder = folder;
    this.config = config;
    this.shards = shards;
    this.notes = new ArrayList<>(config.notes());
    notes.addAll(shards.notes());
  }

  /**
   * Opens a folder with config.json and model.safetensors, or model.safetensors.index.json and the
   * shards that it names.
   *
   * @throws ModelIoException naming the file, and the tensor or key, that is missing, damaged or
   *     not supported
   */
  public static Checkpoint open(Path folder) {
    requireModelFolder(folder);
    ModelConfig config = ModelConfig.read(folder.resolve(CONFIG));
    Shards shards = Shards.open(folder);
    try {
      Checkpoint checkpoint = new Checkpoint(folder, config, shards);
      checkpoint.checkTensors();
      return checkpoint;
    } catch (RuntimeException | Error e) {
      shards.close();
      throw e;
    }
  }

  private static void requireModelFolder(Path folder) {
    if (!Files.exists(folder)) {
      throw new ModelIoException(folder + " does not exist; a model folder is expected there.");
    }
    if (!Files.isDirectory(folder)) {
      throw new ModelIoException(
          folder + " is a file; give the folder that holds config.json and the weights.");
    }
    if (!Files.exists(folder.resolve(CONFIG))) {
      String what =
          Files.exists(folder.resolve("adapter_config.json"))
              ? " is a LoRA adapter, not a model; give its base model's folder."
              : " is not a Hugging Face model folder: it has no config.json.";
      throw new ModelIoException(folder + what);
    }
  }

  private void checkTensors() {
    Map<String, List<Long>> expected = TensorNames.shapes(config);
    expected.forEach(this::checkTensor);
    for (String name : new TreeSet<>(shards.owner().keySet())) {
      if (!expected.containsKey(name) && !HARMLESS.matcher(name).matches()) {
        checkExtra(name);
      }
    }
  }

  private void checkTensor(String name, List<Long> shape) {
    @Nullable SafetensorsFile file = shards.owner().get(name);
    if (file == null) {
      throw new ModelIoException(
          "%s lacks tensor %s %s, which its config.json asks for.".formatted(folder, name, shape));
    }
    TensorInfo info = file.info(name);
    if (!info.shape().equals(shape)) {
      throw new ModelIoException(
          "%s: tensor %s has the shape %s, but %s asks for %s."
              .formatted(file.path(), name, info.shape(), folder.resolve(CONFIG), shape));
    }
    info.dtype().requireWeight(file.path() + ": tensor " + name);
  }

  private void checkExtra(String name) {
    Path file = owner(name).path();
    if (name.equals(TensorNames.LM_HEAD)) {
      checkTiedHead(file);
      return;
    }
    String why = "is not part of a " + config.architecture().className() + " with this config.json";
    if (name.endsWith(".bias")) {
      why = "is a bias, which is not supported";
    } else if (QUANTIZED.matcher(name).matches()) {
      why = "belongs to quantized weights, which are not supported; use the bf16 or f16 original";
    } else if (name.contains(".lora_")) {
      why = "belongs to a LoRA adapter; merge it, or give the base model's folder";
    }
    throw new ModelIoException("%s: tensor %s %s.".formatted(file, name, why));
  }

  /** Some exports store the tied head a second time; then it must say the same. */
  private void checkTiedHead(Path file) {
    TensorView head = owner(TensorNames.LM_HEAD).tensor(TensorNames.LM_HEAD);
    TensorView embedding = tensor(TensorNames.EMBED_TOKENS);
    if (head.dtype() != embedding.dtype() || head.data().mismatch(embedding.data()) >= 0) {
      throw new ModelIoException(
          "%s: tensor %s differs from the embedding, but config.json says tie_word_embeddings. Set"
                  .formatted(file, TensorNames.LM_HEAD)
              + " that to false if the head is meant to be used.");
    }
  }

  /** The folder. */
  public Path folder() {
    return folder;
  }

  /** The model's configuration. */
  @Override
  public ModelConfig config() {
    return config;
  }

  /**
   * A weight where it lies, read-only.
   *
   * @param name as {@link TensorNames} gives it
   * @throws ModelIoException if the checkpoint has no such tensor
   */
  @Override
  public TensorView tensor(String name) {
    return owner(name).tensor(name);
  }

  /** The output head {@code [vocab, hidden]}: the embedding itself where the two are tied. */
  public TensorView lmHead() {
    return tensor(config.tieWordEmbeddings() ? TensorNames.EMBED_TOKENS : TensorNames.LM_HEAD);
  }

  /** The names of all tensors. */
  public Set<String> names() {
    return java.util.Collections.unmodifiableSet(shards.owner().keySet());
  }

  /** What the projections are stored as; norms and embeddings may differ in odd checkpoints. */
  public DType dtype() {
    return tensor(TensorNames.layer(0).qProj()).dtype();
  }

  /** The number of weights, the tied head counted once. */
  public long parameters() {
    return TensorNames.shapes(config).values().stream()
        .mapToLong(shape -> shape.stream().reduce(1L, (a, b) -> a * b))
        .sum();
  }

  /** The safetensors files, in the order of their names. */
  public List<Path> files() {
    return shards.files().stream().map(SafetensorsFile::path).toList();
  }

  /** What was odd but harmless, one sentence each, for the user to see. */
  public List<String> notes() {
    return java.util.Collections.unmodifiableList(notes);
  }

  /**
   * Identifies the model: the same for the same weights however they are sharded and wherever they
   * lie, different for another model or another fine-tuning of it. It is cheap, since it looks at a
   * few bytes of each tensor only; it tells versions apart but does not withstand an attacker.
   *
   * @return {@code sha256:} and 64 hexadecimal digits
   */
  public synchronized String fingerprint() {
    if (fingerprint == null) {
      fingerprint = Fingerprint.of(this);
    }
    return fingerprint;
  }

  private SafetensorsFile owner(String name) {
    @Nullable SafetensorsFile file = shards.owner().get(name);
    if (file == null) {
      throw new ModelIoException(folder + " has no tensor " + name + ".");
    }
    return file;
  }

  /** Unmaps the files. */
  @Override
  public void close() {
    shards.close();
  }
}
