package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.config.Precision;
import dev.graft.trainer.selftest.OperationResult;
import dev.graft.trainer.selftest.Outcome;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class SelftestPrinterTest {

  private static final OperationResult COPY =
      new OperationResult("copy", 12, 12, new Outcome(0, 0, ""), List.of());
  private static final OperationResult LINEAR =
      new OperationResult("linear", 90, 90, new Outcome(1e-6, 4e-6, ""), List.of());

  @Test
  void whatPassesIsATableAndASentence() {
    assertThat(print(new DeviceSelftest(Precision.F32, "a device", "", List.of(COPY, LINEAR))))
        .isEqualToNormalizingNewlines(
            """

            self-test in float32
            a device
            operation  cases  largest error / allowed  result
            copy       12     exact                    PASS
            linear     90     0.250                    PASS

            All 102 cases are within what is allowed.
            """);
  }

  @Test
  void whatFailsIsNamedWithWhatToDo() {
    var wrong =
        new OperationResult(
            "linear",
            90,
            90,
            new Outcome(8e-6, 4e-6, ""),
            List.of("linear, a: 1", "linear, b: 2", "linear, c: 3", "linear, d: 4"));
    var inexact =
        new OperationResult("copy", 12, 1, new Outcome(1, 0, ""), List.of("copy, a: lost"));
    var thrown = new OperationResult("add", 12, 1, new Outcome(0, 0, ""), List.of("add, a: bad"));
    var notRun = new OperationResult("zero", 12, 0, new Outcome(0, 0, ""), List.of());
    assertThat(
            print(
                new DeviceSelftest(
                    Precision.BF16, "a device", "", List.of(wrong, inexact, thrown, notRun))))
        .isEqualToNormalizingNewlines(
            """

            self-test in bfloat16
            a device
            operation  cases  largest error / allowed  result
            linear     90     2.000                    FAIL (4 of 90)
            copy       12     has to be exact          FAIL (1 of 12)
            add        12                              FAIL (1 of 12)
            zero       12                              NOT RUN
            linear, a: 1
            linear, b: 2
            linear, c: 3
            linear: 1 more
            copy, a: lost
            add, a: bad

            6 of 126 cases failed, 34 were not run. Do not train on this device: what it learns may be wrong. Please report this, with the tables and the lines above them.
            """);
  }

  @Test
  void whatDoesNotOpenIsSaid() {
    assertThat(print(new DeviceSelftest(Precision.F32, "", "there is no card", List.of())))
        .contains("failed: there is no card", "Nothing could be checked.");
  }

  @Test
  void programsGetNoInfinity() {
    var inexact = new OperationResult("copy", 12, 12, new Outcome(1, 0, ""), List.of("copy: no"));
    var test = new DeviceSelftest(Precision.F32, "a device", "", List.of(inexact));
    String text = JsonMapper.shared().writeValueAsString(SelftestPrinter.asMaps(List.of(test)));
    JsonNode json = JsonMapper.shared().readTree(text).get(0);
    assertThat(json.get("passed").asBoolean()).isFalse();
    JsonNode operation = json.get("operations").get(0);
    assertThat(operation.get("ratio").isNull()).isTrue();
    assertThat(operation.get("result").asString()).isEqualTo("fail");
    assertThat(operation.get("failures").get(0).asString()).isEqualTo("copy: no");
  }

  /** Nightly: the same checks are the contract of the CPU's kernels, which always runs. */
  @Test
  @Tag("nightly")
  void thisMachinePasses() {
    var out = new StringWriter();
    var err = new StringWriter();
    int code =
        GraftCommand.commandLine(new PrintWriter(out), new PrintWriter(err))
            .execute("doctor", "--device", "cpu", "--selftest", "--precision", "f32", "--json");
    assertThat(code).as(err.toString()).isZero();
    JsonNode json = JsonMapper.shared().readTree(out.toString());
    assertThat(json.get("findings").size()).isPositive();
    assertThat(json.get("selftest").size()).isEqualTo(1);
    assertThat(json.get("selftest").get(0).get("passed").asBoolean()).isTrue();
  }

  @Test
  void aPrecisionIsForTheSelftest() {
    var err = new StringWriter();
    int code =
        GraftCommand.commandLine(new PrintWriter(new StringWriter()), new PrintWriter(err))
            .execute("doctor", "--precision", "f32");
    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).contains("--precision is for --selftest");
  }

  private static String print(DeviceSelftest test) {
    var text = new StringWriter();
    var out = new PrintWriter(text);
    SelftestPrinter.print(List.of(test), out);
    out.flush();
    return text.toString();
  }
}
