package dev.graft.trainer.compare.contestant;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Somebody who answers examples. */
public interface Contestant extends AutoCloseable {

  /**
   * Answers examples, in any order.
   *
   * @param replies called with each reply when it is there, by one thread at a time
   * @param stop asked now and then; when it says so, no further example is begun
   */
  void answer(List<Example> examples, Consumer<Reply> replies, BooleanSupplier stop);

  @Override
  void close();
}
