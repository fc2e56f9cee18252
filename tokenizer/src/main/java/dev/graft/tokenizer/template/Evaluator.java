package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.CallArguments;
import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evaluates expressions for an {@link Interpreter}, counting steps. */
final class Evaluator {
  /**
   * A conversation of 10,000 messages takes about a million; an endless loop ends within seconds.
   */
  private static final int MAX_STEPS = 10_000_000;

  private final Interpreter interpreter;
  private int steps;

  Evaluator(Interpreter interpreter) {
    this.interpreter = interpreter;
  }

  void step() {
    if (++steps > MAX_STEPS) {
      throw PyError.limit(
          "the rendering takes more than "
              + MAX_STEPS
              + " steps; shorten the conversation or correct the template");
    }
  }

  Value eval(Expr expression, Frame frame) {
    step();
    return switch (expression) {
      case Expr.Const constant -> constant.value();
      case Expr.Name name -> {
        Value value = frame.up(name.ref().hops()).slots()[name.ref().slot()];
        yield value == null ? Undefined.named(name.name()) : value;
      }
      case Expr.Attribute attribute ->
          Subscripts.attribute(eval(attribute.object(), frame), attribute.name());
      case Expr.Subscript subscript ->
          Subscripts.get(eval(subscript.object(), frame), eval(subscript.key(), frame));
      case Expr.Call call -> call(call, frame, null);
      case Expr.Filter filter -> {
        if (filter.value() == null) {
          throw new IllegalStateException("a filter without a value outside of a block");
        }
        yield filter(filter, frame, null);
      }
      case Expr.Test test ->
          Bool.of(
              test.test()
                  .holds(eval(test.value(), frame), arguments(test.arguments(), frame, null)));
      case Expr.Compare compare -> compare(compare, frame);
      case Expr.And and -> {
        Value left = eval(and.left(), frame);
        yield Ops.truthy(left) ? eval(and.right(), frame) : left;
      }
      case Expr.Or or -> {
        Value left = eval(or.left(), frame);
        yield Ops.truthy(left) ? left : eval(or.right(), frame);
      }
      case Expr.Not not -> Bool.of(!Ops.truthy(eval(not.operand(), frame)));
      case Expr.Binary binary ->
          Ops.binary(binary.op(), eval(binary.left(), frame), eval(binary.right(), frame));
      case Expr.Concat concat -> {
        StrBuilder out = new StrBuilder();
        for (Expr part : concat.parts()) {
          out.append(Printer.str(eval(part, frame)));
        }
        yield out.toStr();
      }
      case Expr.Conditional conditional -> conditional(conditional, frame);
      case Expr.Slice slice ->
          Subscripts.slice(
              eval(slice.object(), frame),
              optional(slice.start(), frame),
              optional(slice.stop(), frame),
              optional(slice.step(), frame));
      case Expr.ListExpr list -> new PyList(all(list.items(), frame));
      case Expr.TupleExpr tuple -> new PyTuple(all(tuple.items(), frame));
      case Expr.DictExpr dict -> {
        LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys().size(); i++) {
          Value key = Ops.requireHashable(eval(dict.keys().get(i), frame));
          entries.put(key, eval(dict.values().get(i), frame));
        }
        yield new PyDict(entries, Origins.of(entries.values()));
      }
      case Expr.Negate negate -> Ops.negate(eval(negate.operand(), frame));
      case Expr.Plus plus -> Ops.plus(eval(plus.operand(), frame));
    };
  }

  private @Nullable Value optional(@Nullable Expr expression, Frame frame) {
    return expression == null ? null : eval(expression, frame);
  }

  private List<Value> all(List<Expr> expressions, Frame frame) {
    List<Value> values = new ArrayList<>(expressions.size());
    for (Expr expression : expressions) {
      values.add(eval(expression, frame));
    }
    return values;
  }

  private Value conditional(Expr.Conditional conditional, Frame frame) {
    if (Ops.truthy(eval(conditional.test(), frame))) {
      return eval(conditional.then(), frame);
    }
    return conditional.otherwise() != null
        ? eval(conditional.otherwise(), frame)
        : new Undefined(
            "the inline if-expression on line "
                + conditional.line()
                + " evaluated to false and no else section was defined.");
  }

  private Value compare(Expr.Compare compare, Frame frame) {
    Value left = eval(compare.first(), frame);
    for (int i = 0; i < compare.ops().size(); i++) {
      Value right = eval(compare.operands().get(i), frame);
      boolean holds =
          switch (compare.ops().get(i)) {
            case EQ -> left.equals(right);
            case NE -> !left.equals(right);
            case LT -> Ops.ordered(Ops.Order.LT, left, right);
            case LE -> Ops.ordered(Ops.Order.LE, left, right);
            case GT -> Ops.ordered(Ops.Order.GT, left, right);
            case GE -> Ops.ordered(Ops.Order.GE, left, right);
            case IN -> Ops.contains(right, left);
            case NOT_IN -> !Ops.contains(right, left);
          };
      if (!holds) {
        return Bool.FALSE;
      }
      left = right;
    }
    return Bool.TRUE;
  }

  /** Applies a filter; {@code captured} is what a chain without a value of its own starts from. */
  Value filter(Expr.Filter filter, Frame frame, @Nullable Value captured) {
    Value value;
    if (filter.value() instanceof Expr.Filter inner && captured != null) {
      value = filter(inner, frame, captured);
    } else if (filter.value() != null) {
      value = eval(filter.value(), frame);
    } else if (captured != null) {
      value = captured;
    } else {
      throw new IllegalStateException("a filter without a value");
    }
    return filter.filter().apply(value, arguments(filter.arguments(), frame, null));
  }

  /** Calls; a call block hands over its body as {@code caller}. */
  Value call(Expr.Call call, Frame frame, @Nullable Macro caller) {
    if (call.callee() instanceof Expr.Attribute attribute) {
      Value object = eval(attribute.object(), frame);
      interpreter.line(call.line());
      if (object instanceof Str || object instanceof PyDict) {
        Value callee = Attributes.get(object, attribute.name());
        if (callee instanceof Attributes.Method method) {
          return method.call(arguments(call.arguments(), frame, caller));
        }
      }
      Value callee = Subscripts.attribute(object, attribute.name());
      return call(callee, arguments(call.arguments(), frame, caller));
    }
    Value callee = eval(call.callee(), frame);
    interpreter.line(call.line());
    return call(callee, arguments(call.arguments(), frame, caller));
  }

  private static Value call(Value callee, Arguments arguments) {
    return switch (callee) {
      case Callable callable -> callable.call(arguments);
      case LoopContext loop -> loop.recurse(arguments);
      case Undefined undefined -> throw undefined.error();
      default -> throw PyError.type("'" + callee.typeName() + "' object is not callable");
    };
  }

  private Arguments arguments(CallArguments written, Frame frame, @Nullable Macro caller) {
    if (caller == null && written.isEmpty()) {
      return Arguments.NONE;
    }
    List<Value> positional = all(written.positional(), frame);
    if (written.names().isEmpty()
        && written.star() == null
        && written.starStar() == null
        && caller == null) {
      return new Arguments(positional, Map.of());
    }
    Map<String, Value> named = new LinkedHashMap<>();
    for (int i = 0; i < written.names().size(); i++) {
      named.put(written.names().get(i), eval(written.named().get(i), frame));
    }
    if (caller != null) {
      named.put("caller", caller);
    }
    if (written.star() != null) {
      Ops.iterate(eval(written.star(), frame)).forEachRemaining(positional::add);
    }
    if (written.starStar() != null) {
      spread(eval(written.starStar(), frame), named);
    }
    return new Arguments(positional, named);
  }

  private static void spread(Value value, Map<String, Value> named) {
    if (!(value instanceof PyDict dict)) {
      throw PyError.type("argument after ** must be a mapping, not " + value.typeName());
    }
    for (Map.Entry<Value, Value> entry : dict.entries().entrySet()) {
      if (!(entry.getKey() instanceof Str key)) {
        throw PyError.type("keywords must be strings");
      }
      if (named.putIfAbsent(key.text(), entry.getValue()) != null) {
        throw PyError.type("got multiple values for keyword argument '" + key + "'");
      }
    }
  }
}
