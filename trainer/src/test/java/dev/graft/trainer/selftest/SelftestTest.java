package dev.graft.trainer.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.DelegatingKernels;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.selftest.OperationResult.State;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;

class SelftestTest {

  /** What every check or some check does along with its own operation. */
  private static final Set<String> ALONG =
      Set.of(
          "activationType",
          "allocatedBytes",
          "close",
          "deviceBytesTaken",
          "finish", // waits for what reading waits for, too
          "productScratch", // a plan's estimate, which products have tests of their own for
          "pull",
          "push",
          "read",
          "returnsEarly",
          "updatesParameters");

  @Test
  void everyOperationOfKernelsHasAnHonestCheck() {
    Map<String, Check> first = new LinkedHashMap<>();
    Checks.all().forEach(check -> first.putIfAbsent(check.operation(), check));
    Set<String> operations =
        Arrays.stream(Kernels.class.getMethods()).map(Method::getName).collect(Collectors.toSet());

    Set<String> without = new TreeSet<>(operations);
    without.removeAll(first.keySet());
    assertThat(without).as("operations without a check").isSubsetOf(ALONG);
    assertThat(operations)
        .as("the names of checks are those of operations")
        .containsAll(first.keySet());

    first.forEach((operation, check) -> {
      Set<String> called = new TreeSet<>();
      try (Kernels kernels = spied(new CpuKernels(ElementType.F32, 1), called);
          Kernels oracle = oracle()) {
        assertThat(check.run(kernels, oracle).failure()).as(check.name()).isEmpty();
      }
      assertThat(called).as(check.name() + " calls").contains(operation);
    });
  }

  private static Kernels spied(Kernels kernels, Set<String> called) {
    return (Kernels)
        Proxy.newProxyInstance(
            SelftestTest.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              called.add(method.getName());
              try {
                return method.invoke(kernels, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void aWrongOperationIsFoundWithItsError() {
    List<OperationResult> results =
        run(
            new Altered() {
              @Override
              public void scale(Tensor x, float factor) {
                super.scale(x, factor * (1 + 0x1p-20f));
              }
            },
            "scale",
            "rope");

    assertThat(result(results, "scale").state()).isEqualTo(State.FAIL);
    assertThat(result(results, "scale").run()).isEqualTo(12);
    assertThat(result(results, "scale").worst().ratio()).isBetween(5.0, 30.0);
    assertThat(result(results, "scale").failures().getFirst())
        .startsWith("scale, 1 x 1, ")
        .contains("row 0, column 0 of F32", "expected", "±");
    assertThat(result(results, "rope").state()).isEqualTo(State.PASS);
    assertThat(result(results, "rope").worst().ratio()).isBetween(0.01, 1.0);
  }

  @Test
  void whatIsNoNumberIsInfinitelyWrong() {
    List<OperationResult> results =
        run(
            new Altered() {
              @Override
              public void add(Tensor x, Tensor y) {
                super.scale(y, Float.NaN);
              }
            },
            "add");

    assertThat(result(results, "add").failures()).hasSize(12);
    assertThat(result(results, "add").worst().ratio()).isInfinite();
  }

  @Test
  void touchingWhatLiesAroundIsFound() {
    List<OperationResult> results =
        run(
            new Altered() {
              @Override
              public void add(Tensor x, Tensor y) {
                super.add(x, y);
                super.scale(x, 2);
              }
            },
            "add");

    assertThat(result(results, "add").failures())
        .hasSize(12)
        .allSatisfy(failure -> assertThat(failure).contains("around or of"));
  }

  @Test
  void afterAnExceptionTheRestIsChecked() {
    List<OperationResult> results =
        run(
            new Altered() {
              @Override
              public void add(Tensor x, Tensor y) {
                throw new UserException("add is not for this device");
              }
            },
            "add",
            "gatherRows");

    assertThat(result(results, "add").failures())
        .hasSize(12)
        .first()
        .isEqualTo("add, 1 x 1, PACKED: add is not for this device");
    assertThat(result(results, "gatherRows").state()).isEqualTo(State.PASS);
  }

  @Test
  void onADeviceThatIsLostTheRestIsNotRun() {
    List<OperationResult> results =
        run(
            new Altered() {
              private boolean lost;

              @Override
              public void add(Tensor x, Tensor y) {
                lost = true;
                answer();
              }

              @Override
              public float[] read(Tensor source) {
                answer();
                return super.read(source);
              }

              private void answer() {
                if (lost) {
                  throw new UserException("the card is lost");
                }
              }
            },
            "scale",
            "add",
            "gatherRows");

    assertThat(result(results, "scale").state()).isEqualTo(State.PASS);
    assertThat(result(results, "add").state()).isEqualTo(State.FAIL);
    assertThat(result(results, "add").run()).isEqualTo(1);
    assertThat(result(results, "add").failures()).singleElement().asString().contains("lost");
    assertThat(result(results, "gatherRows").state()).isEqualTo(State.NOT_RUN);
    assertThat(result(results, "gatherRows").run()).isZero();
  }

  private static List<OperationResult> run(Kernels kernels, String... operations) {
    Set<String> wanted = Set.of(operations);
    try (kernels) {
      return Selftest.run(
          Checks.all().stream().filter(check -> wanted.contains(check.operation())).toList(),
          kernels,
          SelftestTest::oracle,
          (_, _, _) -> {});
    }
  }

  private static OperationResult result(List<OperationResult> results, String operation) {
    return results.stream()
        .filter(result -> result.operation().equals(operation))
        .findFirst()
        .orElseThrow();
  }

  private static Kernels oracle() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  }

  /** Kernels that are right, but for what a test makes wrong. */
  private abstract static class Altered extends DelegatingKernels {

    Altered() {
      super(new CpuKernels(ElementType.F32, 1));
    }

    @Override
    protected void perform(Work kind, Runnable work) {
      work.run();
    }
  }
}
