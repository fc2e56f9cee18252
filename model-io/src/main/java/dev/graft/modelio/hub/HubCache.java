package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Turns what a user calls a model, a folder or {@code hf://org/name}, into a folder: the folder
 * itself, a snapshot that is complete in the shared Hugging Face cache, or one that is downloaded
 * into it now.
 *
 * <p>A complete snapshot is taken as it is, without asking the hub for a newer one: a run on a
 * machine without a network and one with it use the same weights.
 */
public final class HubCache {
  private static final int MAX_INDEX_BYTES = 100_000_000;

  private final HubSettings settings;
  private final Duration retryPause;

  public HubCache(HubSettings settings) {
    this(settings, Duration.ofSeconds(1));
  }

  HubCache(HubSettings settings, Duration retryPause) {
    this.settings = settings;
    this.retryPause = retryPause;
  }

  /** The cache and hub that the environment names. */
  public static HubCache ofEnvironment() {
    return new HubCache(HubSettings.ofEnvironment());
  }

  /** {@link #resolve(String, DownloadProgress)} in silence. */
  public Path resolve(String base) {
    return resolve(base, DownloadProgress.SILENT);
  }

  /**
   * The folder of a model.
   *
   * @param base a folder's path, or {@code hf://org/name}, with {@code @revision} if wanted
   * @throws ModelIoException if there is no such folder; if the model is not in the cache and
   *     connections are forbidden; if the hub does not give it
   */
  public Path resolve(String base, DownloadProgress progress) {
    return HubAddress.isHubAddress(base) ? resolve(HubAddress.parse(base), progress) : folder(base);
  }

  /** {@link #resolve(String, DownloadProgress)} for an address of the hub. */
  public Path resolve(HubAddress model, DownloadProgress progress) {
    Optional<Path> cached = cached(model);
    if (cached.isPresent()) {
      return cached.get();
    }
    if (settings.offline()) {
      throw new ModelIoException(
          "%s is not complete in %s (%s), and HF_HUB_OFFLINE forbids downloading it. Copy it there,"
                  .formatted(model, settings.cache(), missing(model))
              + " or give a folder.");
    }
    try (HubDownload download = new HubDownload(settings, model, progress, retryPause)) {
      return download.run();
    }
  }

  /** The model's folder if all of it is in the cache; never connects to anything. */
  public Optional<Path> cached(HubAddress model) {
    return snapshot(model).filter(folder -> missingFiles(folder).isEmpty());
  }

  private static Path folder(String base) {
    Path folder;
    try {
      folder = Path.of(base);
    } catch (InvalidPathException e) {
      throw new ModelIoException("\"" + base + "\" is not a path.", e);
    }
    if (Files.isDirectory(folder)) {
      return folder;
    }
    boolean looksLikeHub = base.matches("[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*");
    throw new ModelIoException(
        "There is no folder "
            + folder.toAbsolutePath()
            + (looksLikeHub ? ". For the model on the hub, write hf://" + base + "." : "."));
  }

  private Optional<Path> snapshot(HubAddress model) {
    Path root = settings.cache().resolve(model.cacheFolder());
    String commit = model.revision();
    if (!model.isCommit()) {
      Path ref = root.resolve("refs").resolve(model.revision());
      if (!Files.isRegularFile(ref)) {
        return Optional.empty();
      }
      byte[] text = StrictJson.readBounded(ref, 1024);
      commit = new String(text, java.nio.charset.StandardCharsets.UTF_8).strip();
      if (!commit.matches("[0-9a-f]{40}")) {
        throw new ModelIoException(ref + " does not name a commit; delete it and run again.");
      }
    }
    return Optional.of(root.resolve("snapshots").resolve(commit)).filter(Files::isDirectory);
  }

  private String missing(HubAddress model) {
    return snapshot(model)
        .map(folder -> "missing: " + String.join(", ", missingFiles(folder)))
        .orElse("nothing of it is there");
  }

  private static List<String> missingFiles(Path folder) {
    Stream<String> weights;
    if (Files.exists(folder.resolve(HubFiles.SINGLE))) {
      weights = Stream.of(HubFiles.SINGLE);
    } else if (Files.exists(folder.resolve(HubFiles.INDEX))) {
      Path index = folder.resolve(HubFiles.INDEX);
      HubAddress name = new HubAddress("cached", "main");
      weights = HubFiles.shards(StrictJson.readObject(index, MAX_INDEX_BYTES), name).stream();
    } else {
      weights = Stream.of(HubFiles.SINGLE);
    }
    return Stream.concat(Stream.of("config.json"), weights)
        .filter(name -> !Files.exists(folder.resolve(name)))
        .toList();
  }
}
