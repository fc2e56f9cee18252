package dev.graft.modelio.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubCacheTest {
  @TempDir Path temp;
  private FakeHub hub;
  private Path root;
  private String shard;

  @BeforeEach
  void start() throws IOException {
    Path model = RandomCheckpoint.llama().maxShardBytes(30_000).write(temp.resolve("model"));
    Files.writeString(model.resolve("tokenizer.json"), "{}");
    Files.writeString(model.resolve("chat_template.jinja"), "{{ messages }}");
    Files.writeString(model.resolve("pytorch_model.bin"), "not wanted");
    Files.writeString(model.resolve("consolidated.safetensors"), "not wanted");
    Files.writeString(model.resolve("README.md"), "not wanted");
    try (Stream<Path> files = Files.list(model)) {
      shard =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.startsWith("model-00001-of-"))
              .findFirst()
              .orElseThrow();
    }
    hub = new FakeHub(model);
    root = temp.resolve("cache/models--org--name");
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  private HubCache cache(boolean offline, String token) {
    HubSettings settings =
        new HubSettings(
            temp.resolve("cache"), hub.endpoint(), token.isEmpty() ? null : token, offline);
    return new HubCache(settings, Duration.ofMillis(1));
  }

  @Test
  void downloadsWhatAModelNeedsIntoTheSharedLayout() throws Exception {
    List<String> reports = new ArrayList<>();
    Path folder =
        cache(false, "")
            .resolve("hf://org/name", (file, done, total) -> reports.add(done + "/" + total));

    assertThat(folder).isEqualTo(root.resolve("snapshots").resolve(FakeHub.COMMIT));
    assertThat(root.resolve("refs/main")).hasContent(FakeHub.COMMIT);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.files()).hasSizeGreaterThan(1);
    }
    assertThat(folder.resolve("tokenizer.json")).hasContent("{}").isSymbolicLink();
    assertThat(Files.readSymbolicLink(folder.resolve("tokenizer.json")))
        .isEqualTo(
            Path.of(
                "../../blobs/"
                    + FakeHub.hash("SHA-1", "blob 2\0{}".getBytes(StandardCharsets.UTF_8))));
    assertThat(folder.resolve("chat_template.jinja")).exists();
    assertThat(folder.resolve("README.md")).doesNotExist();
    assertThat(folder.resolve("pytorch_model.bin")).doesNotExist();
    assertThat(folder.resolve("consolidated.safetensors")).doesNotExist();
    try (Stream<Path> blobs = Files.list(root.resolve("blobs"))) {
      assertThat(blobs).noneMatch(blob -> blob.toString().endsWith(".incomplete"));
    }
    String last = reports.getLast();
    assertThat(last.substring(0, last.indexOf('/')))
        .isEqualTo(last.substring(last.indexOf('/') + 1));

    hub.requests.clear();
    assertThat(cache(false, "").resolve("hf://org/name")).isEqualTo(folder);
    assertThat(cache(true, "").resolve("hf://org/name@" + FakeHub.COMMIT)).isEqualTo(folder);
    assertThat(hub.requests).isEmpty();
  }

  @Test
  void aSingleFileIsPreferredOverShards() throws IOException {
    Path single = RandomCheckpoint.llama().write(temp.resolve("single"));
    hub.put("model.safetensors", Files.readAllBytes(single.resolve("model.safetensors")));
    Path folder = cache(false, "").resolve("hf://org/name");
    assertThat(folder.resolve("model.safetensors")).exists();
    assertThat(folder.resolve("model.safetensors.index.json")).doesNotExist();
  }

  @Test
  void continuesWhereTheConnectionBroke() {
    hub.cutAfter.put(shard, 1000);
    Path folder = cache(false, "").resolve("hf://org/name");
    assertThat(hub.requests).contains("store:" + shard, "store:" + shard + " bytes=1000-");
    Checkpoint.open(folder).close();
  }

  @Test
  void continuesWhatAnEarlierRunLeftEvenWithoutRanges() throws IOException {
    Path partial = root.resolve("blobs/" + FakeHub.COMMIT + "." + shard + ".incomplete");
    Files.createDirectories(partial.getParent());
    Files.write(partial, new byte[777]);
    hub.knowsRanges = false;
    Path folder = cache(false, "").resolve("hf://org/name");
    assertThat(hub.requests).contains("store:" + shard + " bytes=777-");
    Checkpoint.open(folder).close();
  }

  @Test
  void aCompletePartialFileStartsAnew() throws IOException {
    Path partial = root.resolve("blobs/" + FakeHub.COMMIT + "." + shard + ".incomplete");
    Files.createDirectories(partial.getParent());
    Files.write(partial, new byte[200_000]);
    Checkpoint.open(cache(false, "").resolve("hf://org/name")).close();
  }

  @Test
  void transientErrorsAreTriedAgain() {
    hub.failures.put("config.json", 2);
    hub.failures.put(shard, 1);
    Checkpoint.open(cache(false, "").resolve("hf://org/name")).close();
  }

  @Test
  void revisionsHaveTheirOwnRefs() {
    Path main = cache(false, "").resolve("hf://org/name");
    assertThat(cache(false, "").resolve("hf://org/name@refs/pr/1")).isEqualTo(main);
    assertThat(root.resolve("refs/refs/pr/1")).hasContent(FakeHub.COMMIT);
  }

  @Test
  void aServerThatStaysDownIsAnError() {
    hub.failures.put("config.json", 100);
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/name"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("status 503")
        .hasMessageContaining("goes on where it stopped");
    assertThat(root.resolve("refs/main")).doesNotExist();
  }

  @Test
  void damagedContentIsNeverUsed() throws IOException {
    hub.corrupt = true;
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/name"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("came damaged");
    assertThat(root.resolve("refs/main")).doesNotExist();
    try (Stream<Path> snapshot = Files.list(root.resolve("snapshots").resolve(FakeHub.COMMIT))) {
      assertThat(snapshot).noneMatch(file -> file.toString().endsWith(".safetensors"));
    }
    hub.corrupt = false;
    Checkpoint.open(cache(false, "").resolve("hf://org/name")).close();
  }

  @Test
  void theTokenGoesToTheHubAndNotToItsStore() {
    hub.requiredToken = "hf_secret";
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/name"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("gated or private")
        .hasMessageContaining("HF_TOKEN");
    cache(false, "hf_secret").resolve("hf://org/name");
    assertThat(hub.tokenSeenAtStore).isFalse();
    assertThat(new HubSettings(temp, hub.endpoint(), "hf_secret", false).toString())
        .doesNotContain("hf_secret");
  }

  @Test
  void saysWhatIsNotThere() throws IOException {
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/other"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("hf://org/other is not at " + hub.endpoint());
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/name@v9"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("org/name has no revision v9");
    assertThatThrownBy(() -> cache(false, "").resolve("org/name"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("write hf://org/name");
    assertThatThrownBy(() -> cache(false, "").resolve("some-folder"))
        .hasMessageContaining("There is no folder")
        .hasMessageNotContaining("hf://");
    hub.remove("model.safetensors.index.json");
    assertThatThrownBy(() -> cache(false, "").resolve("hf://org/name"))
        .hasMessageContaining("has no safetensors weights");
  }

  @Test
  void offlineOnlyTheCacheCounts() throws IOException {
    assertThatThrownBy(() -> cache(true, "").resolve("hf://org/name"))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("nothing of it is there")
        .hasMessageContaining("HF_HUB_OFFLINE");
    Path folder = cache(false, "").resolve("hf://org/name");
    Files.delete(folder.resolve(shard));
    hub.requests.clear();
    assertThatThrownBy(() -> cache(true, "").resolve("hf://org/name"))
        .hasMessageContaining("missing: " + shard);
    assertThat(hub.requests).isEmpty();
    assertThat(cache(true, "").resolve(temp.toString())).isEqualTo(temp);
  }
}
