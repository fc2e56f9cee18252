package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.config.ConfigSchema;
import dev.graft.trainer.config.ConfigWriter;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.ShellWord;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class GraftCommandTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int graft(String... arguments) {
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void aMisspeltCommandIsAUsersMistake() {
    assertThat(graft("trian", "x.yaml")).isEqualTo(2);
    assertThat(err.toString()).contains("error: ").contains("Did you mean:", "graft train");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void withoutACommandItAsksForOne() {
    assertThat(graft()).isEqualTo(2);
    assertThat(err.toString()).contains("graft --help");
  }

  @ParameterizedTest
  @ValueSource(strings = {"train", "generate", "export", "verify", "inspect", "doctor", "config"})
  void everyCommandHelps(String command) {
    assertThat(graft(command, "--help")).isZero();
    assertThat(out.toString()).contains("graft " + command);
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void theVersionNamesGraftAndJava() {
    assertThat(graft("--version")).isZero();
    assertThat(out.toString()).startsWith("graft ").contains("Java 2");
  }

  @Test
  void configPrintsWhatTheRecordsSay() {
    assertThat(graft("config", "--defaults")).isZero();
    assertThat(out.toString()).isEqualTo(ConfigWriter.defaults());
    out.getBuffer().setLength(0);
    assertThat(graft("config", "--schema")).isZero();
    assertThat(out.toString()).isEqualTo(ConfigSchema.json());
    assertThat(graft("config")).isEqualTo(2);
    assertThat(graft("config", "--schema", "--defaults")).isEqualTo(2);
  }

  @Test
  void aSweepIsListedBeforeItIsRun(@TempDir Path folder) throws IOException {
    Path file =
        Files.writeString(folder.resolve("run.yaml"), "base: hf://a/b\ndata.train: d.jsonl\n");
    Files.writeString(folder.resolve("d.jsonl"), "");

    assertThat(graft("sweep", file.toString(), "--set", "lora.rank=4,0", "--dry-run")).isEqualTo(2);
    assertThat(err.toString()).contains("--set lora.rank=0: lora.rank: is 0");
    assertThat(graft("sweep", file.toString())).isEqualTo(2);
    assertThat(graft("sweep", file.toString(), "--set", "lora.rank=4,8", "--dry-run")).isZero();
    assertThat(folder.toFile().list()).containsExactlyInAnyOrder("run.yaml", "d.jsonl");
  }

  @Test
  void aBadConfigurationIsOneLineAndWritesNothing(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "lora:\n  rnk: 8\n");

    assertThat(graft("train", file.toString())).isEqualTo(2);

    assertThat(err.toString())
        .isEqualToIgnoringNewLines(
            "error: " + file + ":2: lora.rnk: unknown key; did you mean lora.rank?");
    assertThat(folder.toFile().list()).containsExactly("run.yaml");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--max-tokens=0",
        "--temperature=-1",
        "--temperature=NaN",
        "--top-p=0",
        "--top-p=1.1",
        "--set=lora.rank=8",
        "--set=precision=f16",
        "--set=device=cuda",
        "--chat",
        "--max-tokens=many",
      })
  void generateRefusesWhatMakesNoSense(String option) {
    assertThat(graft("generate", "--base", "nowhere", option)).isEqualTo(2);
    assertThat(err.toString()).startsWith("error: ").doesNotContain("\tat ");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void failuresOfTheUserAndOfOursAreToldApart() {
    var line = GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true));

    assertThat(Failures.ofExecution(new UserException("do this"), line, false)).isEqualTo(2);
    assertThat(err.toString()).isEqualToIgnoringNewLines("error: do this");

    err.getBuffer().setLength(0);
    var denied = new UncheckedIOException(new AccessDeniedException("/root/x"));
    assertThat(Failures.ofExecution(denied, line, false)).isEqualTo(2);
    assertThat(err.toString()).isEqualToIgnoringNewLines("error: /root/x: permission denied");

    err.getBuffer().setLength(0);
    assertThat(Failures.ofExecution(new IllegalStateException("oops"), line, false)).isEqualTo(1);
    assertThat(err.toString())
        .startsWith("internal error: java.lang.IllegalStateException: oops")
        .contains("Please report it", "\tat dev.graft.trainer.cli.GraftCommandTest");
  }

  @Test
  void theDoctorFindsThisMachineFit() {
    assertThat(graft("doctor", "--json")).isZero();

    JsonNode findings = JsonMapper.shared().readTree(out.toString());
    assertThat(findings.valueStream().map(finding -> finding.get("area").stringValue()))
        .contains("system", "java", "libraries", "gpu", "choice");
    assertThat(findings.valueStream().map(finding -> finding.get("state").stringValue()))
        .doesNotContain("broken");

    out.getBuffer().setLength(0);
    assertThat(graft("doctor")).isZero();
    assertThat(out.toString()).contains("oneDNN", "ND4J", "HF tokenizers", "precision");
  }

  @Test
  void inspectShowsSeveralPathsOneAfterTheOther() {
    Path model = Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/model");
    String file = model.resolve("model.safetensors").toString();

    assertThat(graft("inspect", model.toString(), file)).isZero();
    assertThat(out.toString().lines().filter(line -> line.startsWith("kind  ")))
        .containsExactly("kind        checkpoint", "kind        safetensors");

    out.getBuffer().setLength(0);
    assertThat(graft("inspect", "--json", model.toString(), file)).isZero();
    JsonNode both = JsonMapper.shared().readTree(out.toString());
    assertThat(both.valueStream().map(it -> it.path("path").asString()))
        .containsExactly(model.toString(), file);
    out.getBuffer().setLength(0);
    assertThat(graft("inspect", "--json", file)).isZero();
    assertThat(JsonMapper.shared().readTree(out.toString()).isObject()).isTrue();

    out.getBuffer().setLength(0);
    assertThat(graft("inspect", file, "nowhere")).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).contains("nowhere");
    assertThat(graft("inspect")).isEqualTo(2);
  }

  @Test
  void pathsAreSaidSoThatAShellTakesThem() {
    assertThat(Words.here(Path.of("a/b").toAbsolutePath().toString())).isEqualTo("a/b");
    assertThat(Words.here("hf://org/name")).isEqualTo("hf://org/name");
    assertThat(Words.here("/elsewhere")).isEqualTo("/elsewhere");
    assertThat(ShellWord.of("runs/a-b_1")).isEqualTo("runs/a-b_1");
    assertThat(ShellWord.of("it's here")).isEqualTo("'it'\\''s here'");
  }
}
