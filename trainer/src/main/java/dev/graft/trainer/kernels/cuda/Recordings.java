package dev.graft.trainer.kernels.cuda;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Work that is asked for again and again, recorded as CUDA graphs: a thousand launches become one,
 * so that a small model's kernels need not wait for the processor.
 *
 * <p>The first time, work is done as it is asked for, and with it whatever happens only once:
 * kernels are compiled, algorithms are chosen. The second time it is recorded.
 */
final class Recordings implements AutoCloseable {

  /** A graph of a large model's layers takes some MB of the host's memory. */
  private static final int MOST = 64;

  private static final long NOT_YET = 0;

  private final CudaDevice device;

  /** By key, the least recently used first; {@link #NOT_YET} for what was done once. */
  private final Map<Object, Long> graphs = new LinkedHashMap<>(16, 0.75f, true);

  Recordings(CudaDevice device) {
    this.device = device;
  }

  void run(Object key, Runnable work) {
    Long graph = graphs.get(key);
    if (graph == null) {
      work.run();
      remember(key);
    } else {
      if (graph == NOT_YET) {
        graph = record(work);
        graphs.put(key, graph);
      }
      device.driver().launchGraph(graph, device.stream());
    }
  }

  private void remember(Object key) {
    if (graphs.size() == MOST) {
      Map.Entry<Object, Long> eldest = graphs.entrySet().iterator().next();
      graphs.remove(eldest.getKey());
      destroy(eldest.getValue());
    }
    graphs.put(key, NOT_YET);
  }

  private long record(Runnable work) {
    device.driver().beginCapture(device.stream());
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      device.driver().abandonCapture(device.stream());
      throw e;
    }
    return device.driver().endCapture(device.stream());
  }

  private void destroy(long graph) {
    if (graph != NOT_YET) {
      device.driver().synchronize(device.stream()); // it may still run
      device.driver().destroyGraph(graph);
    }
  }

  @Override
  public void close() {
    graphs.values().forEach(this::destroy);
    graphs.clear();
  }
}
