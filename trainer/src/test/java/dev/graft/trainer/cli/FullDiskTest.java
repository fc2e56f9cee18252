package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.graft.trainer.Conformance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk that is full, and one that is read-only: a file system of a few hundred kilobytes, which a
 * process may mount in a name space of its own where the system lets it.
 */
@Tag("nightly")
@Timeout(300)
class FullDiskTest {

  @TempDir Path folder;

  @BeforeEach
  void needsMounts() throws Exception {
    assumeTrue(
        sh("unshare -rm mount -t tmpfs tmpfs /mnt") == 0,
        "this system lets nobody mount a file system in a name space of his own: disks that are"
            + " full or read-only are not tested");
  }

  private int sh(String script) throws IOException, InterruptedException {
    return new ProcessBuilder("sh", "-c", script)
        .directory(folder.toFile())
        .redirectOutput(folder.resolve("sh-out").toFile())
        .redirectError(folder.resolve("sh-err").toFile())
        .start()
        .waitFor();
  }

  private static String graft(String... arguments) {
    return GraftProcess.command(arguments).stream()
        .map(word -> "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  @Test
  void theCheckpointsBeforeStayAndTheRunGoesOnOnceThereIsRoom() throws Exception {
    Path inputs = KillTest.inputs(folder);
    Files.createDirectories(folder.resolve("disk"));
    String train =
        graft(
            "train",
            inputs.toString(),
            "--resume",
            "--set=output=disk/run",
            "--set=checkpoint.keep=1000",
            "--set=training.max-steps=40");
    String script =
        String.join(
            "\n",
            "mount -t tmpfs -o size=900k tmpfs disk",
            train + " > full.out 2> full.err; echo $? > full.code",
            "ls disk/run disk/run/checkpoints > full.files",
            "mount -o remount,ro disk",
            train + " > ro.out 2> ro.err; echo $? > ro.code",
            "mount -o remount,rw,size=100m disk",
            train + " > roomy.out 2> roomy.err; echo $? > roomy.code",
            "cp -r disk/run finished");
    Files.writeString(folder.resolve("script"), script);
    assertThat(sh("unshare -rm sh script")).as(read("sh-err")).isZero();

    assertThat(read("full.code").strip()).as(read("full.err")).isEqualTo("2");
    assertThat(read("full.err"))
        .contains("No space left on device")
        .contains("is intact: once there is room, go on by ./graft train disk/run --resume")
        .doesNotContain("\tat ");
    assertThat(read("full.files")).contains("step-0000").doesNotContain(".tmp-");
    assertThat(read("ro.code").strip()).isEqualTo("2");
    assertThat(read("ro.err"))
        .contains("error: disk/run: cannot be made: ")
        .doesNotContain("\tat ");
    assertThat(read("roomy.code").strip()).as(read("roomy.err")).isEqualTo("0");
    assertThat(read("roomy.out")).contains("resume   after step");

    String whole =
        graft(
            "train",
            inputs.toString(),
            "--set=output=whole",
            "--set=checkpoint.keep=1000",
            "--set=training.max-steps=40");
    assertThat(sh(whole)).as(read("sh-err")).isZero();
    String result = "adapter/adapter_model.safetensors";
    assertThat(folder.resolve("finished").resolve(result))
        .hasSameBinaryContentAs(folder.resolve("whole").resolve(result));
  }

  @Test
  void anExportThatDoesNotFitLeavesNothing() throws Exception {
    Files.createDirectories(folder.resolve("disk"));
    String export =
        graft(
            "export",
            Conformance.path("lora-training/stories260K/final_adapter").toString(),
            "--base",
            Conformance.path("models/stories260K-hf").toString(),
            "--to",
            "peft,merged,gguf-merged",
            "--gguf-type",
            "f32",
            "--out",
            "disk/out");
    String script =
        String.join(
            "\n",
            "mount -t tmpfs -o size=600k tmpfs disk",
            export + " > full.out 2> full.err; echo $? > full.code",
            "ls -A disk > full.files",
            "mount -o remount,ro disk",
            export + " > ro.out 2> ro.err; echo $? > ro.code",
            "mount -o remount,rw,size=100m disk",
            export + " > roomy.out 2> roomy.err; echo $? > roomy.code",
            "ls -A disk disk/out > roomy.files");
    Files.writeString(folder.resolve("script"), script);
    assertThat(sh("unshare -rm sh script")).as(read("sh-err")).isZero();

    assertThat(read("full.code").strip()).as(read("full.err")).isEqualTo("2");
    assertThat(read("full.err"))
        .contains("error: ")
        .contains("No space left on device")
        .doesNotContain("\tat ");
    assertThat(read("full.files")).isEmpty();
    assertThat(read("ro.code").strip()).as(read("ro.err")).isEqualTo("2");
    assertThat(read("ro.err")).contains("error: ").contains("disk").doesNotContain("\tat ");
    assertThat(read("roomy.code").strip()).as(read("roomy.err")).isEqualTo("0");
    assertThat(read("roomy.files")).contains("parity.json").doesNotContain(".tmp-");
  }

  private String read(String file) throws IOException {
    return Files.readString(folder.resolve(file));
  }
}
