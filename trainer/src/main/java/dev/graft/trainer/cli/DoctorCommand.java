package dev.graft.trainer.cli;

import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.console.Console;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft doctor}. */
@Command(
    name = "doctor",
    description = {
      "Tells what hardware, JDK and libraries were found, what will run, and why.",
      "With --selftest also compares each operation on the device with its definition in float64.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Ends with exit code 2 where something keeps graft from training, or computes wrongly.",
      "",
      "Example:",
      "  ./graft doctor --device cuda --selftest"
    })
final class DoctorCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--device",
      description = "What is to compute: ${COMPLETION-CANDIDATES}. Default: auto.")
  private DeviceChoice device = DeviceChoice.AUTO;

  @Option(
      names = "--selftest",
      description =
          "Checks each operation on the device, at odd sizes, and prints the errors. Takes less than"
              + " a minute or two.")
  private boolean selftest;

  @Option(
      names = "--precision",
      description =
          "What --selftest computes in: ${COMPLETION-CANDIDATES}. Default: bf16 and f32, one after"
              + " the other.")
  private @Nullable Precision precision;

  @Option(names = "--json", description = "For programs.")
  private boolean json;

  @Override
  public Integer call() {
    if (precision != null && !selftest) {
      throw new ParameterException(spec.commandLine(), "--precision is for --selftest");
    }
    List<Finding> findings = new Doctor(device).examine();
    PrintWriter out = spec.commandLine().getOut();
    if (!json) {
      print(findings, out);
      out.flush();
    }
    List<DeviceSelftest> tests = selftest ? runSelftest() : List.of();
    if (json) {
      out.println(asJson(findings, tests));
    } else if (selftest) {
      SelftestPrinter.print(tests, out);
    }
    out.flush();
    boolean fit =
        findings.stream().noneMatch(it -> it.state() == Finding.State.BROKEN)
            && tests.stream().allMatch(DeviceSelftest::passed);
    return fit ? 0 : Failures.USER;
  }

  private List<DeviceSelftest> runSelftest() {
    PrintWriter err = spec.commandLine().getErr();
    List<DeviceSelftest> tests = new ArrayList<>();
    for (Precision each :
        precision == null ? List.of(Precision.F32, Precision.BF16) : List.of(precision)) {
      String name = each.name().toLowerCase(Locale.ROOT);
      try (LiveLine line = new LiveLine(err, Console.isTerminal(), System::nanoTime)) {
        tests.add(
            DeviceSelftest.run(
                each,
                device,
                (check, number, of) ->
                    line.show(
                        () -> "%s: %d of %d, %s".formatted(name, number, of, check.operation()))));
      }
    }
    return tests;
  }

  private static void print(List<Finding> findings, PrintWriter out) {
    String area = "";
    for (Finding finding : findings) {
      String heading = finding.area().equals(area) ? "" : finding.area();
      area = finding.area();
      out.printf("%-10s %-14s %s%n", heading, finding.name(), finding.value());
      if (!finding.advice().isEmpty()) {
        String mark = finding.state() == Finding.State.BROKEN ? "broken: " : "note: ";
        out.printf("%-10s %-14s %s%n", "", "", mark + finding.advice());
      }
    }
  }

  /** The findings alone, or beside the self-test's tables. */
  private String asJson(List<Finding> findings, List<DeviceSelftest> tests) {
    List<Map<String, String>> found = findings.stream().map(DoctorCommand::asMap).toList();
    return JsonMapper.shared()
        .writerWithDefaultPrettyPrinter()
        .writeValueAsString(
            selftest
                ? Map.of("findings", found, "selftest", SelftestPrinter.asMaps(tests))
                : found);
  }

  private static Map<String, String> asMap(Finding finding) {
    var map = new LinkedHashMap<String, String>();
    map.put("area", finding.area());
    map.put("name", finding.name());
    map.put("value", finding.value());
    map.put("state", finding.state().name().toLowerCase(Locale.ROOT));
    map.put("advice", finding.advice());
    return map;
  }
}
