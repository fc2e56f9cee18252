package dev.graft.modelio.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubAddressTest {
  @TempDir Path temp;

  @ParameterizedTest
  @CsvSource({
    "hf://org/name, org/name, main",
    "hf://org/name/, org/name, main",
    "hf://gpt2, gpt2, main",
    "hf://org/na.me_2-B@v1.0, org/na.me_2-B, v1.0",
    "hf://org/name?revision=refs/pr/1, org/name, refs/pr/1",
    "hf://org/name?model_name=x&revision=abc, org/name, abc",
    "hf://org/name?model_name=x, org/name, main"
  })
  void understandsAddresses(String address, String id, String revision) {
    assertThat(HubAddress.parse(address)).isEqualTo(new HubAddress(id, revision));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hf://",
        "hf://../../etc",
        "hf://org/../name",
        "hf://org/name/more",
        "hf://org/na--me",
        "hf://org/name@../x",
        "hf://org/name@",
        "hf://org/na me"
      })
  void refusesOtherAddresses(String address) {
    assertThatThrownBy(() -> HubAddress.parse(address)).isInstanceOf(ModelIoException.class);
  }

  @Test
  void theEnvironmentIsReadAsHuggingFaceReadsIt() throws IOException {
    Path home = temp.resolve("home");
    HubSettings plain = HubSettings.of(Map.of(), home);
    assertThat(plain.cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(plain.endpoint().toString()).isEqualTo("https://huggingface.co");
    assertThat(plain.token()).isNull();
    assertThat(plain.offline()).isFalse();

    HubSettings set =
        HubSettings.of(
            Map.of(
                "HF_HOME", "~/hf",
                "HF_ENDPOINT", "https://mirror.example/hub/",
                "HF_TOKEN", " t ",
                "HF_HUB_OFFLINE", "YES"),
            home);
    assertThat(set.cache()).isEqualTo(home.resolve("hf/hub"));
    assertThat(set.endpoint().toString()).isEqualTo("https://mirror.example/hub");
    assertThat(set.token()).isEqualTo("t");
    assertThat(set.offline()).isTrue();
    assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c", "HF_HOME", "/h"), home).cache())
        .isEqualTo(Path.of("/c"));
    Files.createDirectories(home.resolve(".cache/huggingface"));
    Files.writeString(home.resolve(".cache/huggingface/token"), "stored\n");
    assertThat(HubSettings.of(Map.of(), home).token()).isEqualTo("stored");
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "ftp://x"), home))
        .isInstanceOf(ModelIoException.class);
  }
}
