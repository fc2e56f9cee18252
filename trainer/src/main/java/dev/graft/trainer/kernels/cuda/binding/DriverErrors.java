package dev.graft.trainer.kernels.cuda.binding;

/** What a status of the driver means for whoever sits before the machine. */
final class DriverErrors {

  private DriverErrors() {}

  /**
   * The exception for a status.
   *
   * @param name the driver's own, such as CUDA_ERROR_NO_DEVICE
   * @param text what the driver says of it
   */
  static CudaException exception(String function, int status, String name, String text) {
    return new CudaException(
        "CUDA: %s: %s (%s, %d). %s".formatted(function, text, name, status, advice(status)));
  }

  /** What to do. */
  private static String advice(int status) {
    return switch (status) {
      case 3, 34, 100, 999 ->
          "The driver finds no card that it can use. 'nvidia-smi' tells whether the driver runs; in"
              + " a container the card has to be passed through (docker run --gpus all).";
      case 46, 201 ->
          "Another process has the card to itself, or the card is in a mode that forbids computing."
              + " 'nvidia-smi' lists processes and the compute mode.";
      case 102, 802 ->
          "The card is not ready to compute; on machines with NVSwitch the fabric manager has to"
              + " run.";
      case 209, 218, 222 ->
          "The driver is older than the CUDA libraries that compiled for it. Update the driver, or"
              + " give graft the libraries of the version that 'nvidia-smi' prints, by -D"
              + LibrarySearch.PROPERTY
              + "=FOLDER.";
      case 214, 220, 226, 714 ->
          "The card reports a fault of its hardware. What was saved is intact: restart the machine"
              + " or reset the card, look at 'nvidia-smi -q -d ECC', and go on with --resume.";
      case 700, 702, 716, 719 ->
          "The card cannot be used by this process any more. What was saved is intact: --resume goes"
              + " on from there. './graft doctor --device cuda --selftest' checks each operation on"
              + " this card; please report what it prints.";
      case 803, 804 ->
          "The driver's library and its kernel module are of different versions, which a restart"
              + " after an update puts right.";
      default -> "'./graft doctor' lists the driver and the libraries that were found.";
    };
  }
}
