package dev.graft.trainer.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft doctor}. */
@Command(
    name = "doctor",
    description = {
      "Tells what hardware, JDK and libraries were found, what will run, and why.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {"", "Ends with exit code 2 where something keeps graft from training."})
final class DoctorCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--json", description = "For programs.")
  private boolean json;

  @Override
  public Integer call() {
    List<Finding> findings = new Doctor().examine();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(asJson(findings));
    } else {
      print(findings, out);
    }
    out.flush();
    boolean broken = findings.stream().anyMatch(it -> it.state() == Finding.State.BROKEN);
    return broken ? Failures.USER : 0;
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

  private static String asJson(List<Finding> findings) {
    return JsonMapper.shared()
        .writerWithDefaultPrettyPrinter()
        .writeValueAsString(findings.stream().map(DoctorCommand::asMap).toList());
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
