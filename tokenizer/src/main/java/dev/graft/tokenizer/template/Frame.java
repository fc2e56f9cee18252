package dev.graft.tokenizer.template;

import org.jspecify.annotations.Nullable;

/** The running values of one Scope; a slot is null while its variable has no value. */
final class Frame {
  private final @Nullable Value[] slots;
  private final @Nullable Frame parent;

  Frame(int size, @Nullable Frame parent) {
    this.slots = new @Nullable Value[size];
    this.parent = parent;
  }

  @Nullable Value[] slots() {
    return slots;
  }

  Frame up(int hops) {
    Frame frame = this;
    for (int i = 0; i < hops; i++) {
      Frame next = frame.parent;
      if (next == null) {
        throw new IllegalStateException("a reference beyond the outermost scope");
      }
      frame = next;
    }
    return frame;
  }
}
