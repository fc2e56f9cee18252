package dev.graft.trainer.runtime;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cuda.CudaDevice;
import dev.graft.trainer.kernels.cuda.CudaLibraries;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The reference on a card, by ND4J's own CUDA backend. Its last release has machine code for
 * compute capability 3.7 to 8.6 and no PTX, so that it runs on Ampere and Ada and on nothing newer.
 */
final class Nd4jCuda {

  private static final String BACKEND = "JCublasBackend";
  private static final int OLDEST = 80;
  private static final int TOO_NEW = 90;

  private Nd4jCuda() {}

  /**
   * @throws UserException if the backend is not on the class path or cannot run on the card
   */
  static Kernels kernels(ElementType act) {
    if (!HostArrays.backend().equals(BACKEND)) {
      throw new UserException(
          "kernels: reference with device: cuda runs on ND4J's CUDA backend, which is not in this build. Delete trainer/target/ and build with GRAFT_MAVEN_OPTIONS=-Pnd4j-cuda ./graft, or use kernels: auto, or device: cpu.");
    }
    try (CudaDevice card = CudaDevice.open(CudaLibraries.find(LibrarySearch.ofProcess()))) {
      if (card.capability() < OLDEST || card.capability() >= TOO_NEW) {
        throw new UserException(
            "kernels: reference with device: cuda: ND4J's CUDA backend has code for compute capability 8.0 to 8.9, and %s is none of these. Use kernels: auto."
                .formatted(card.describe()));
      }
    }
    return new ReferenceKernels(DataType.FLOAT, act);
  }
}
