package dev.graft.trainer.selftest;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Collects the checks of one part.
 *
 * @param <P> made anew for each check
 */
final class CheckList<P> {

  private final Function<TwinKernels, P> part;
  private final List<Check> checks = new ArrayList<>();

  CheckList(Function<TwinKernels, P> part) {
    this.part = part;
  }

  /** A check for each case, named by it. */
  <C> CheckList<P> each(String operation, List<C> cases, BiConsumer<P, C> body) {
    for (C each : cases) {
      one(operation, each.toString(), p -> body.accept(p, each));
    }
    return this;
  }

  /** A check by itself. */
  CheckList<P> one(String operation, String name, Consumer<P> body) {
    checks.add(new Check(operation, name, twins -> body.accept(part.apply(twins))));
    return this;
  }

  List<Check> checks() {
    return List.copyOf(checks);
  }
}
