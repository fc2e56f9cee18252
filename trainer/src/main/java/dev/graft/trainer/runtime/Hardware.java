package dev.graft.trainer.runtime;

import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuFeatures;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.cpu.CpuLibrary;
import dev.graft.trainer.kernels.cuda.CudaKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import org.nd4j.linalg.api.buffer.DataType;

/** Decides what computes, from what was asked for and what is there. */
public final class Hardware {

  private Hardware() {}

  /**
   * The kernels for a run; the caller closes them.
   *
   * @throws UserException if what was asked for is not there
   */
  public static Kernels open(Precision precision, DeviceChoice device, KernelsChoice kernels) {
    if (device == DeviceChoice.CUDA) {
      return switch (kernels) {
        case REFERENCE -> Nd4jCuda.kernels(referenceType(precision));
        case AUTO -> CudaKernels.open(cudaType(precision));
      };
    }
    return switch (kernels) {
      case REFERENCE -> new ReferenceKernels(DataType.FLOAT, referenceType(precision));
      case AUTO ->
          new CpuKernels(cpuType(precision), Runtime.getRuntime().availableProcessors(), library());
    };
  }

  /** The definition of every operation, in float64: what kernels are compared with. */
  public static Kernels oracle() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  }

  /** Every card that graft computes with has bfloat16 in its tensor cores. */
  private static ElementType cudaType(Precision precision) {
    return precision == Precision.F32 ? ElementType.F32 : ElementType.BF16;
  }

  /** What {@code precision: auto} comes to on this machine, and why: a sentence for a person. */
  public static String precisionReason() {
    return CpuFeatures.detect(library()).reason();
  }

  private static CpuLibrary library() {
    try {
      return CpuLibrary.ofProcess();
    } catch (IllegalArgumentException e) {
      throw new UserException(
          "-D%s=%s: there are auto, onednn and openblas."
              .formatted(CpuLibrary.PROPERTY, System.getProperty(CpuLibrary.PROPERTY)),
          e);
    }
  }

  /** The definition rather than the fast way: float32 unless bfloat16 is asked for. */
  private static ElementType referenceType(Precision precision) {
    return precision == Precision.BF16 ? ElementType.BF16 : ElementType.F32;
  }

  private static ElementType cpuType(Precision precision) {
    return switch (precision) {
      case F32 -> ElementType.F32;
      case BF16 -> ElementType.BF16;
      case AUTO -> CpuFeatures.detect(library()).nativeBf16() ? ElementType.BF16 : ElementType.F32;
    };
  }
}
