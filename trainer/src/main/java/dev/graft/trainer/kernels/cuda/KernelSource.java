package dev.graft.trainer.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** The files of CUDA C++ beside this class; each is compiled on its own. */
enum KernelSource {
  MOVING,
  RANDOM,
  NORM,
  ROTARY,
  SWIGLU,
  LOSS,
  MAGNITUDES,
  OPTIMIZER,
  PRODUCTS,
  ATTENTION,
  ATTENTION_GENERIC;

  /** What all of them include. */
  static final String PRELUDE = "prelude.cuh";

  String fileName() {
    return name().toLowerCase(Locale.ROOT) + ".cu";
  }

  String text() {
    return read(fileName());
  }

  static String read(String file) {
    try (InputStream in = KernelSource.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the program lacks its part " + file);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
