package dev.graft.trainer.selftest;

import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.List;

/** What was recorded is done again as often as it's asked for. */
final class RepeatChecks {

  private record Key(int place) {}

  private final TwinKernels twins;

  private RepeatChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(RepeatChecks::new)
        .each("repeat", List.of(1, 2, 5), RepeatChecks::repeat)
        .checks();
  }

  private void repeat(int times) {
    Twin x = twins.random(twins.act(), 7, 31, Layout.PACKED);
    Twin w = twins.random(twins.act(), 5, 31, Layout.PACKED);
    Twin product = twins.random(ElementType.F32, 7, 5, Layout.PACKED);
    Twin sum = twins.random(ElementType.F32, 7, 5, Layout.SLICED);
    for (int i = 0; i < times; i++) {
      twins.run(k ->
          k.repeat(
              new Key(times),
              () -> {
                k.linear(x.on(k), w.on(k), product.on(k), false);
                k.scale(product.on(k), 0.5f);
                k.add(product.on(k), sum.on(k));
              }));
    }
    twins.expectClose(product, TwinKernels.inFloat(31, 0.5));
    twins.expectClose(sum, times * TwinKernels.inFloat(31, 0.5));
  }
}
