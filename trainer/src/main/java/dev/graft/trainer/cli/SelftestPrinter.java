package dev.graft.trainer.cli;

import dev.graft.trainer.config.Precision;
import dev.graft.trainer.selftest.OperationResult;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The self-test's tables, for people and for programs. */
final class SelftestPrinter {

  /** Cases of an operation that are told in full: the others mostly fail for the same reason. */
  private static final int SHOWN = 3;

  private SelftestPrinter() {}

  /** A table for each precision, and what to do about it. */
  static void print(List<DeviceSelftest> tests, PrintWriter out) {
    for (DeviceSelftest test : tests) {
      out.println();
      out.printf("self-test in %s%n", words(test.precision()));
      if (!test.kernels().isEmpty()) {
        out.println(test.kernels());
      }
      printOperations(test, out);
      if (!test.failure().isEmpty()) {
        out.println("failed: " + test.failure());
      }
    }
    out.println();
    out.println(verdict(tests));
  }

  private static void printOperations(DeviceSelftest test, PrintWriter out) {
    if (test.operations().isEmpty()) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("operation", "cases", "largest error / allowed", "result"));
    for (OperationResult operation : test.operations()) {
      rows.add(
          List.of(
              operation.operation(),
              Integer.toString(operation.cases()),
              error(operation),
              state(operation)));
    }
    TextTable.print(rows, out);
    for (OperationResult operation : test.operations()) {
      List<String> failures = operation.failures();
      failures.stream().limit(SHOWN).forEach(out::println);
      if (failures.size() > SHOWN) {
        out.printf("%s: %d more%n", operation.operation(), failures.size() - SHOWN);
      }
    }
  }

  private static String error(OperationResult operation) {
    if (operation.run() == 0) {
      return "";
    }
    double ratio = operation.worst().ratio();
    if (ratio == 0 && operation.worst().allowed() == 0) {
      return operation.failures().isEmpty() ? "exact" : "";
    }
    return Double.isInfinite(ratio) ? "has to be exact" : String.format(Locale.ROOT, "%.3f", ratio);
  }

  private static String state(OperationResult operation) {
    return operation.state() == OperationResult.State.FAIL
        ? "FAIL (%d of %d)".formatted(operation.failures().size(), operation.cases())
        : operation.state().name().replace('_', ' ');
  }

  private static String verdict(List<DeviceSelftest> tests) {
    int cases = tests.stream().mapToInt(DeviceSelftest::cases).sum();
    if (tests.stream().allMatch(DeviceSelftest::passed)) {
      return "All %d cases are within what is allowed.".formatted(cases);
    }
    int failed = tests.stream().mapToInt(DeviceSelftest::failed).sum();
    int notRun = tests.stream().mapToInt(DeviceSelftest::notRun).sum();
    if (cases == 0) {
      return "Nothing could be checked.";
    }
    return ("%d of %d cases failed, %d were not run. Do not train on this device: what it learns may"
            + " be wrong. Please report this, with the tables and the lines above them.")
        .formatted(failed, cases, notRun);
  }

  private static String words(Precision precision) {
    return switch (precision) {
      case F32 -> "float32";
      case BF16 -> "bfloat16";
      case AUTO -> "the precision that auto comes to";
    };
  }

  /** For programs. */
  static List<Map<String, Object>> asMaps(List<DeviceSelftest> tests) {
    return tests.stream().map(SelftestPrinter::asMap).toList();
  }

  private static Map<String, Object> asMap(DeviceSelftest test) {
    var map = new LinkedHashMap<String, Object>();
    map.put("precision", test.precision().name().toLowerCase(Locale.ROOT));
    map.put("kernels", test.kernels());
    map.put("passed", test.passed());
    map.put("failure", test.failure());
    map.put("operations", test.operations().stream().map(SelftestPrinter::asMap).toList());
    return map;
  }

  private static Map<String, @Nullable Object> asMap(OperationResult operation) {
    var map = new LinkedHashMap<String, @Nullable Object>();
    map.put("operation", operation.operation());
    map.put("cases", operation.cases());
    map.put("run", operation.run());
    map.put("error", finite(operation.worst().error()));
    map.put("allowed", finite(operation.worst().allowed()));
    map.put("ratio", finite(operation.worst().ratio()));
    map.put("result", operation.state().name().toLowerCase(Locale.ROOT));
    map.put("failures", operation.failures());
    return map;
  }

  /** JSON has no infinity and no NaN. */
  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
