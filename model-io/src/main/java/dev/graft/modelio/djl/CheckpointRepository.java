package dev.graft.modelio.djl;

import ai.djl.repository.AbstractRepository;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.Metadata;
import ai.djl.repository.zoo.DefaultModelZoo;
import ai.djl.util.Progress;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.hub.DownloadProgress;
import dev.graft.modelio.hub.HubAddress;
import dev.graft.modelio.hub.HubCache;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One model of the hub as a DJL repository, downloaded when DJL prepares it. */
final class CheckpointRepository extends AbstractRepository {
  private final HubAddress model;
  private final HubCache hub;

  CheckpointRepository(String name, URI uri, HubCache hub) {
    super(name, uri);
    this.model = HubAddress.parse(uri.toString());
    this.hub = hub;
  }

  @Override
  public boolean isRemote() {
    return true;
  }

  @Override
  public Metadata locate(MRL mrl) {
    Metadata metadata = new Metadata.MatchAllMetadata();
    metadata.setArtifactId(artifactId());
    Artifact artifact = new Artifact();
    artifact.setName(artifactId());
    artifact.setMetadata(metadata);
    Map<String, Object> arguments = artifact.getArguments();
    arguments.putAll(this.arguments);
    // What DJL would otherwise have to be told: who computes it, and that it can speak.
    arguments.putIfAbsent("engine", GraftEngine.NAME);
    arguments.putIfAbsent("translatorFactory", GraftTranslatorFactory.class.getName());
    metadata.setArtifacts(List.of(artifact));
    return metadata;
  }

  @Override
  public Artifact resolve(MRL mrl, Map<String, String> filter) {
    return locate(mrl).getArtifacts().getFirst();
  }

  @Override
  public void prepare(Artifact artifact, @Nullable Progress progress) throws IOException {
    folder(progress == null ? DownloadProgress.SILENT : new Adapter(progress));
  }

  /** Where the model is, or an empty place of its own while it is not there. */
  @Override
  public Path getResourceDirectory(Artifact artifact) {
    return hub.cached(model).orElse(Path.of(model.toString()));
  }

  @Override
  public List<MRL> getResources() {
    return List.of(MRL.undefined(this, DefaultModelZoo.GROUP_ID, artifactId()));
  }

  private String artifactId() {
    return model.id().substring(model.id().indexOf('/') + 1);
  }

  private void folder(DownloadProgress progress) throws IOException {
    try {
      hub.resolve(model, progress);
    } catch (ModelIoException e) {
      // DJL's interface knows IOException for a repository that does not deliver.
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Shows a download in DJL's progress bar, which counts up and is reset when a total is known. */
  private static final class Adapter implements DownloadProgress {
    private final Progress progress;
    private long total = -1;

    Adapter(Progress progress) {
      this.progress = progress;
    }

    @Override
    public void update(String file, long done, long newTotal) {
      if (newTotal != total) {
        total = newTotal;
        progress.reset("Downloading", Math.max(1, total));
      }
      progress.update(Math.min(done, Math.max(0, total - 1)), file);
    }
  }
}
