package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** The {@code loop} variable of a running for loop, one item ahead at most, as Jinja has it. */
final class LoopContext implements Value {
  private final Value iterable;
  private final int depth0;
  private final @Nullable BiFunction<Value, Integer, Value> recurse;
  private Iterator<Value> iterator;
  private int index0 = -1;
  private int length = -1;
  private @Nullable Value after;
  private @Nullable Value current;
  private @Nullable Value before;
  private @Nullable List<Value> lastChanged;

  /**
   * @param iterator over {@code iterable}, or over what the loop's filter leaves of it
   * @param filtered whether there is a filter, so that the length is not that of the iterable
   * @param recurse renders the loop's body for another iterable; null if the loop is not recursive
   */
  LoopContext(
      Value iterable,
      Iterator<Value> iterator,
      boolean filtered,
      @Nullable BiFunction<Value, Integer, Value> recurse,
      int depth0) {
    this.iterable = iterable;
    this.iterator = iterator;
    this.recurse = recurse;
    this.depth0 = depth0;
    if (!filtered) {
      length = Ops.lengthOrMinusOne(iterable);
    }
  }

  boolean hasNext() {
    return after != null || iterator.hasNext();
  }

  Value next() {
    Value item = after != null ? after : iterator.next();
    after = null;
    index0++;
    before = current;
    current = item;
    return item;
  }

  int index0() {
    return index0;
  }

  int length() {
    if (length < 0) {
      List<Value> rest = new ArrayList<>();
      iterator.forEachRemaining(rest::add);
      iterator = rest.iterator();
      length = rest.size() + index0 + 1 + (after != null ? 1 : 0);
    }
    return length;
  }

  private @Nullable Value peek() {
    if (after == null && iterator.hasNext()) {
      after = iterator.next();
    }
    return after;
  }

  /** Iterating over {@code loop} itself yields pairs of an item and the loop, and moves it on. */
  Iterator<Value> remaining() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return LoopContext.this.hasNext();
      }

      @Override
      public Value next() {
        return PyTuple.of(LoopContext.this.next(), LoopContext.this);
      }
    };
  }

  @Nullable Value attribute(String name) {
    return switch (name) {
      case "index" -> Int.of(index0 + 1);
      case "index0" -> Int.of(index0);
      case "first" -> Bool.of(index0 == 0);
      case "last" -> Bool.of(peek() == null);
      case "length" -> Int.of(length());
      case "revindex" -> Int.of(length() - index0);
      case "revindex0" -> Int.of(length() - index0 - 1);
      case "depth" -> Int.of(depth0 + 1);
      case "depth0" -> Int.of(depth0);
      case "previtem" ->
          index0 == 0 || before == null ? new Undefined("there is no previous item") : before;
      case "nextitem" -> {
        Value next = peek();
        yield next == null ? new Undefined("there is no next item") : next;
      }
      default -> null;
    };
  }

  Value cycle(Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      throw PyError.type("no items for cycling given");
    }
    return arguments.positional().get(index0 % arguments.positional().size());
  }

  Value changed(Arguments arguments) {
    if (arguments.positional().equals(lastChanged)) {
      return Bool.FALSE;
    }
    lastChanged = arguments.positional();
    return Bool.TRUE;
  }

  Value recurse(Arguments arguments) {
    if (recurse == null) {
      throw PyError.type("The loop must have the 'recursive' marker to be called recursively.");
    }
    return recurse.apply(arguments.first("loop"), depth0 + 1);
  }

  Value iterable() {
    return iterable;
  }

  @Override
  public String typeName() {
    return "LoopContext";
  }
}
