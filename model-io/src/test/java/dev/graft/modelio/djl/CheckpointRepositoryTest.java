package dev.graft.modelio.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.Repository;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.DefaultModelZoo;
import ai.djl.repository.zoo.ZooModel;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.hub.HubCache;
import dev.graft.modelio.hub.HubSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** DJL resolves {@code hf://} against a Hugging Face cache on the disk; nothing is connected to. */
class CheckpointRepositoryTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path temp;

  /** The zoo that DJL makes of {@code optModelUrls}, with a cache of the test's. */
  private DefaultModelZoo zoo(String url) {
    HubSettings settings = new HubSettings(temp, URI.create("https://localhost:9"), null, true);
    CheckpointRepository repository =
        new CheckpointRepository(url, URI.create(url), new HubCache(settings));
    return new DefaultModelZoo() {
      {
        repository.getResources().forEach(this::addModel);
      }
    };
  }

  private void fillCache() throws IOException {
    Path model = temp.resolve("models--org--name");
    RandomCheckpoint.llama().vocabSize(19).write(model.resolve("snapshots").resolve(COMMIT));
    Files.createDirectories(model.resolve("refs"));
    Files.writeString(model.resolve("refs/main"), COMMIT);
  }

  @Test
  void aCachedModelLoadsByItsName() throws Exception {
    fillCache();
    Criteria<NDList, NDList> criteria =
        Criteria.builder()
            .setTypes(NDList.class, NDList.class)
            .optModelZoo(zoo("hf://org/name"))
            .build();
    assertThat(criteria.isDownloaded()).isTrue();
    try (ZooModel<NDList, NDList> model = criteria.loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor()) {
      assertThat(model.getName()).isEqualTo("name");
      NDList ids = new NDList(model.getNDManager().create(new long[] {1, 2}));
      assertThat(predictor.predict(ids).head().getShape()).isEqualTo(new Shape(2, 19));
    }
  }

  @Test
  void textNeedsNoTranslatorFactory() throws Exception {
    fillCache();
    try (ZooModel<String, String> model =
            Criteria.builder()
                .setTypes(String.class, String.class)
                .optEngine("graft")
                .optModelZoo(zoo("hf://org/name?revision=" + COMMIT))
                .build()
                .loadModel();
        Predictor<String, String> predictor = model.newPredictor()) {
      assertThat(predictor.predict("a")).isEqualTo("a and 19 tokens");
    }
  }

  @Test
  void offlineAndNotCachedIsSaidPlainly() throws Exception {
    Criteria<NDList, NDList> criteria =
        Criteria.builder()
            .setTypes(NDList.class, NDList.class)
            .optModelZoo(zoo("hf://org/name"))
            .build();
    assertThat(criteria.isDownloaded()).isFalse();
    assertThatThrownBy(criteria::loadModel)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("hf://org/name is not complete")
        .hasMessageContaining("HF_HUB_OFFLINE");
  }

  @Test
  void djlFindsTheFactoryByItself() {
    assertThat(Repository.newInstance("x", "hf://org_1/name"))
        .isInstanceOf(CheckpointRepository.class);
  }
}
