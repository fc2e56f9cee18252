package dev.graft.trainer.cli;

import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runtime.Hardware;
import dev.graft.trainer.selftest.OperationResult;
import dev.graft.trainer.selftest.OperationResult.State;
import dev.graft.trainer.selftest.Selftest;
import java.util.List;

/**
 * What the self-test found in one precision.
 *
 * @param kernels what computed, in their own words; nothing where they could not be opened
 * @param failure why they could not be opened or closed, or nothing
 * @param operations each one's result; none where nothing could be opened
 */
record DeviceSelftest(
    Precision precision, String kernels, String failure, List<OperationResult> operations) {

  DeviceSelftest {
    operations = List.copyOf(operations);
  }

  /** Opens a device and checks each operation on it. */
  static DeviceSelftest run(Precision precision, DeviceChoice device, Selftest.Progress progress) {
    String description = "";
    List<OperationResult> operations = List.of();
    try (Kernels kernels = Hardware.open(precision, device, KernelsChoice.AUTO)) {
      description = kernels.describe();
      operations = Selftest.run(kernels, Hardware::oracle, progress);
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      String message = e.getMessage();
      return new DeviceSelftest(
          precision, description, message == null ? e.toString() : message, operations);
    }
    return new DeviceSelftest(precision, description, "", operations);
  }

  boolean passed() {
    return failure.isEmpty() && operations.stream().allMatch(it -> it.state() == State.PASS);
  }

  int cases() {
    return operations.stream().mapToInt(OperationResult::cases).sum();
  }

  int failed() {
    return operations.stream().mapToInt(it -> it.failures().size()).sum();
  }

  int notRun() {
    return operations.stream().mapToInt(it -> it.cases() - it.run()).sum();
  }
}
