package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** All checks, one after the other, on the same kernels. */
public final class Selftest {

  /** Is told what is about to be checked. */
  public interface Progress {

    /**
     * A check begins.
     *
     * @param number from 1
     * @param of so many
     */
    void before(Check check, int number, int of);
  }

  private final Kernels tested;
  private final Supplier<Kernels> oracles;
  private boolean usable = true;

  private Selftest(Kernels tested, Supplier<Kernels> oracles) {
    this.tested = tested;
    this.oracles = oracles;
  }

  /**
   * Runs all checks. A check that ends by an exception has failed; where nothing can be computed
   * after it, as on a card whose context is lost, the rest is not run.
   *
   * @param tested left open
   * @param oracles the reference in float64, made anew for each check and closed after it
   * @return a result for each operation, in the order of the checks
   */
  public static List<OperationResult> run(
      Kernels tested, Supplier<Kernels> oracles, Progress progress) {
    return run(Checks.all(), tested, oracles, progress);
  }

  static List<OperationResult> run(
      List<Check> checks, Kernels tested, Supplier<Kernels> oracles, Progress progress) {
    return new Selftest(tested, oracles).run(checks, progress);
  }

  private List<OperationResult> run(List<Check> checks, Progress progress) {
    Map<String, List<Check>> operations = new LinkedHashMap<>();
    for (Check check : checks) {
      operations.computeIfAbsent(check.operation(), _ -> new ArrayList<>()).add(check);
    }
    List<OperationResult> results = new ArrayList<>();
    int number = 0;
    for (Map.Entry<String, List<Check>> operation : operations.entrySet()) {
      Outcome worst = Outcome.EXACT;
      List<String> failures = new ArrayList<>();
      int run = 0;
      for (Check check : operation.getValue()) {
        number++;
        if (!usable) {
          continue;
        }
        progress.before(check, number, checks.size());
        Outcome outcome = run(check);
        run++;
        worst = worst.orWorse(outcome);
        if (!outcome.passed()) {
          failures.add(check.name() + ": " + outcome.failure());
        }
      }
      results.add(
          new OperationResult(
              operation.getKey(), operation.getValue().size(), run, worst, failures));
    }
    return List.copyOf(results);
  }

  private Outcome run(Check check) {
    try (Kernels oracle = oracles.get()) {
      return check.run(tested, oracle);
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      usable = answers();
      String message = e.getMessage();
      return Outcome.EXACT.failed(message == null || !usable ? e.toString() : message);
    }
  }

  /** Whether what failed has left the device able to take a number and to give it back. */
  private boolean answers() {
    try {
      Tensor one = tested.allocate(ElementType.F32, 1, 1);
      tested.write(one, new float[] {1});
      tested.scale(one, 2);
      return tested.read(one)[0] == 2;
    } catch (RuntimeException | OutOfMemoryError | LinkageError _) {
      return false;
    }
  }
}
