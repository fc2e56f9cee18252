package dev.graft.trainer.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a run trains, as the optimizer sees it: one flat float32 vector of parameters on the host,
 * and one of gradients in the same order. The model sees tensors of its own on the device, which
 * {@link #refresh} makes equal to the parameters, and adds to gradients there, which {@link
 * #collectGradients} brings back.
 *
 * <p>Both vectors stay the same arrays as long as this lives. A checkpoint holds the parameters, so
 * a run that goes on writes them back and calls {@link #refresh}.
 */
public interface Trainable {

  /** All parameters as one float32 vector; after writing to it, {@link #refresh}. */
  INDArray parameters();

  /** Their gradients, in the same order, as of the last {@link #collectGradients}. */
  INDArray gradients();

  /** What lies where in both vectors: runs that follow each other and fill them. */
  List<ParameterGroup> groups();

  /**
   * Arrays, by name, that training does not change but that parameters mean nothing without. A
   * checkpoint holds them, and a run that goes on writes them back before {@link #refresh}.
   */
  default Map<String, INDArray> constants() {
    return Map.of();
  }

  /** Number of trainable parameters. */
  default long size() {
    return parameters().length();
  }

  /** Brings changed parameters to the device and rounds the copies that products read. */
  void refresh();

  /**
   * Rounds the copies that products read, after parameters were changed on the device itself. Not
   * where there are {@link #constants}, which are the host's.
   */
  void refreshCopies();

  /** Sets the gradients to zero, on the device, before the first micro-batch of a step. */
  void clearGradients();

  /** Brings the gradients that the micro-batches left on the device to {@link #gradients}. */
  void collectGradients();

  /**
   * Adds to a checkpoint what other programs can read of it, if there is anything beside the vector
   * of parameters, which is written by whoever writes the checkpoint.
   *
   * @param folder is there; file names of this are its own
   */
  void writeCheckpoint(Path folder) throws IOException;

  /**
   * Writes what the run is for, in the form that other programs read.
   *
   * @param folder is there and empty
   */
  void writeResult(Path folder) throws IOException;
}
