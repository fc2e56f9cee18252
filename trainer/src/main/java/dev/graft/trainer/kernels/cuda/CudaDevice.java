package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.cuda.binding.CudaDriver;
import dev.graft.trainer.kernels.cuda.binding.CudaDriver.Attribute;
import dev.graft.trainer.kernels.cuda.binding.CudaException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A card with the one stream that everything runs on, in the order in which it was asked for.
 * Several cards: {@code CUDA_VISIBLE_DEVICES} tells the driver which one is the first.
 */
public final class CudaDevice implements AutoCloseable {

  /** Tensor cores with bfloat16, and copies to shared memory in the background, came with 8.0. */
  private static final int OLDEST_CAPABILITY = 80;

  /** {@code CU_COMPUTEMODE_PROHIBITED}. */
  private static final int COMPUTING_PROHIBITED = 2;

  private final CudaDriver driver;
  private final int device;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final boolean ecc;
  private final long context;
  private final long stream;
  private @Nullable Thread user;

  private CudaDevice(CudaDriver driver, int device, String name, int capability) {
    this.driver = driver;
    this.device = device;
    this.name = name;
    this.capability = capability;
    this.multiprocessors = driver.attribute(device, Attribute.MULTIPROCESSORS);
    this.ecc = driver.attribute(device, Attribute.ECC) != 0;
    this.context = driver.retainContext(device);
    driver.useContext(context);
    this.user = Thread.currentThread();
    this.stream = driver.createStream();
  }

  /**
   * Opens the first card.
   *
   * @throws CudaException if there is none that graft can compute with
   */
  public static CudaDevice open(CudaLibraries libraries) {
    CudaDriver driver = CudaDriver.open(libraries.requiredDriver());
    if (driver.devices() == 0) {
      throw new CudaException(
          "device: cuda: the driver sees no card. 'nvidia-smi' lists what there is, and CUDA_VISIBLE_DEVICES may hide it.");
    }
    int device = driver.device(0);
    String name = driver.name(device);
    int capability =
        10 * driver.attribute(device, Attribute.CAPABILITY_MAJOR)
            + driver.attribute(device, Attribute.CAPABILITY_MINOR);
    if (capability < OLDEST_CAPABILITY) {
      throw new CudaException(
          "device: cuda: %s has compute capability %s; graft needs 8.0 (Ampere) or newer, for its bfloat16. Use device: cpu."
              .formatted(name, text(capability)));
    }
    if (driver.attribute(device, Attribute.COMPUTE_MODE) == COMPUTING_PROHIBITED) {
      throw new CudaException(
          "device: cuda: computing is switched off on %s. 'nvidia-smi -c 0' as root switches it on."
              .formatted(name));
    }
    return new CudaDevice(driver, device, name, capability);
  }

  /** The driver, with this card's context current on the calling thread. */
  CudaDriver driver() {
    if (!Objects.equals(user, Thread.currentThread())) {
      driver.useContext(context);
      user = Thread.currentThread();
    }
    return driver;
  }

  /** The stream that everything runs on. */
  long stream() {
    return stream;
  }

  /** What the card is called. */
  public String name() {
    return name;
  }

  /** Compute capability by ten: 90 is 9.0. */
  public int capability() {
    return capability;
  }

  /** The CUDA version that the driver can do, such as 13000. */
  public int driverVersion() {
    return driver.version();
  }

  /** How many multiprocessors it has. */
  public int multiprocessors() {
    return multiprocessors;
  }

  /** Its memory, and how much of it nobody has. */
  public CudaDriver.MemoryInfo memory() {
    return driver().memory();
  }

  /** One line for a person. */
  public String describe() {
    return "%s (compute capability %s, %d multiprocessors, %.1f GiB%s)"
        .formatted(
            name,
            text(capability),
            multiprocessors,
            memory().total() / (double) (1 << 30),
            ecc ? ", ECC" : "");
  }

  private static String text(int capability) {
    return capability / 10 + "." + capability % 10;
  }

  /** Gives the card back, and with it all that was allocated there. */
  @Override
  public void close() {
    try {
      driver().destroyStream(stream);
    } finally {
      driver.releaseContext(device);
    }
  }
}
