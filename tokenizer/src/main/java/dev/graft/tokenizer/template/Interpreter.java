package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Stmt.Target;
import dev.graft.tokenizer.template.Value.Namespace;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Renders one template once: statements here, expressions in {@link Evaluator}. It holds the
 * running state (output, limits, which message's turn is being printed), so it lives for one
 * rendering.
 */
final class Interpreter {
  /** Python gives up near 1,000 stack frames, of which a macro call takes five. */
  private static final int MAX_CALLS = 200;

  /** What a statement leaves behind: carry on, or leave the loop or its iteration. */
  private enum Signal {
    NEXT,
    BREAK,
    CONTINUE
  }

  private final Map<String, Value> context;
  private final Evaluator evaluator = new Evaluator(this);
  private StrBuilder out = new StrBuilder(1024);

  /** Tag of the message whose turn is being printed, 0 outside of the loop over the messages. */
  private long turn;

  /** Whether the innermost loop counts instead of going over the messages. */
  private boolean counting;

  private int generations;
  private int calls;
  private int line;

  private Interpreter(Map<String, Value> context) {
    this.context = context;
  }

  /** Renders a template; Python's errors come out with the template's line. */
  static Str render(List<Stmt> template, Scope scope, Map<String, Value> context) {
    Interpreter interpreter = new Interpreter(new HashMap<>(context));
    try {
      interpreter.statements(template, interpreter.enter(scope, null));
    } catch (PyError e) {
      throw e.at(interpreter.line);
    } catch (StackOverflowError e) {
      throw TemplateException.at(
          interpreter.line, "the rendering is nested too deeply; simplify the template");
    }
    return interpreter.out.toStr();
  }

  void line(int at) {
    line = at;
  }

  private Frame enter(Scope scope, @Nullable Frame parent) {
    Frame frame = new Frame(scope.size(), parent);
    load(scope, frame);
    return frame;
  }

  /** Gives the slots their starting values. */
  private void load(Scope scope, Frame frame) {
    for (Map.Entry<Integer, Scope.Load> entry : scope.entryLoads()) {
      frame.slots()[entry.getKey()] =
          switch (entry.getValue()) {
            case Scope.Load.Context variable -> context.get(variable.name());
            case Scope.Load.Outer outer -> frame.up(outer.hops()).slots()[outer.slot()];
            case Scope.Load.Parameter _, Scope.Load.Nothing _ -> null;
          };
    }
  }

  private Value eval(Expr expression, Frame frame) {
    return evaluator.eval(expression, frame);
  }

  private Signal statements(List<Stmt> statements, Frame frame) {
    for (int i = 0; i < statements.size(); i++) {
      Signal signal = statement(statements.get(i), frame);
      if (signal != Signal.NEXT) {
        return signal;
      }
    }
    return Signal.NEXT;
  }

  private Signal statement(Stmt statement, Frame frame) {
    line = statement.line();
    evaluator.step();
    switch (statement) {
      case Stmt.Text text -> out.append(text.text());
      case Stmt.Print print -> out.append(Printer.str(eval(print.value(), frame)));
      case Stmt.If branch -> {
        return choose(branch, frame);
      }
      case Stmt.For loop -> {
        return loop(loop, frame);
      }
      case Stmt.Set set -> set(set, frame);
      case Stmt.SetBlock set -> {
        return setBlock(set, frame);
      }
      case Stmt.MacroDefinition macro ->
          frame.up(macro.ref().hops()).slots()[macro.ref().slot()] =
              new Macro(macro.procedure(), frame, this);
      case Stmt.CallBlock call -> {
        Macro caller = new Macro(call.procedure(), frame, this);
        out.append(text(evaluator.call(call.call(), frame, caller)));
      }
      case Stmt.FilterBlock block -> {
        return filterBlock(block, frame);
      }
      case Stmt.With with -> {
        Frame inner = enter(with.scope(), frame);
        for (int i = 0; i < with.targets().size(); i++) {
          assign(with.targets().get(i), eval(with.values().get(i), frame), inner);
        }
        return statements(with.body(), inner);
      }
      case Stmt.Generation generation -> {
        out.generation(++generations);
        statements(generation.body(), enter(generation.scope(), frame));
        out.generation(0);
      }
      case Stmt.Break _ -> {
        return Signal.BREAK;
      }
      case Stmt.Continue _ -> {
        return Signal.CONTINUE;
      }
    }
    return Signal.NEXT;
  }

  private Signal choose(Stmt.If branch, Frame frame) {
    if (Ops.truthy(eval(branch.test(), frame))) {
      return statements(branch.then(), frame);
    }
    for (Stmt.If elif : branch.elifs()) {
      line = elif.line();
      if (Ops.truthy(eval(elif.test(), frame))) {
        return statements(elif.then(), frame);
      }
    }
    return statements(branch.otherwise(), frame);
  }

  private void set(Stmt.Set set, Frame frame) {
    requireNamespaces(set.target(), frame);
    Value value = eval(set.value(), frame);
    assign(set.target(), value, frame);
    // A loop over indices takes its message out by hand.
    if (counting && value instanceof PyDict dict && dict.message() >= 0) {
      turn = Str.turn(dict.message());
      out.turn(turn);
    }
  }

  /** Jinja checks the namespaces before it evaluates what they are to hold. */
  private static void requireNamespaces(Target target, Frame frame) {
    switch (target) {
      case Target.NameTarget _ -> {}
      case Target.TupleTarget tuple ->
          tuple.items().forEach(item -> requireNamespaces(item, frame));
      case Target.NamespaceTarget namespace -> namespace(namespace, frame);
    }
  }

  private static Namespace namespace(Target.NamespaceTarget target, Frame frame) {
    if (frame.up(target.ref().hops()).slots()[target.ref().slot()] instanceof Namespace found) {
      return found;
    }
    throw new PyError(
        PyError.Kind.RUNTIME,
        "cannot assign attribute on non-namespace object '" + target.name() + "'");
  }

  private static void assign(Target target, Value value, Frame frame) {
    switch (target) {
      case Target.NameTarget name -> frame.up(name.ref().hops()).slots()[name.ref().slot()] = value;
      case Target.NamespaceTarget name ->
          namespace(name, frame).attributes().put(new Str(name.attribute()), value);
      case Target.TupleTarget tuple -> {
        if (!Ops.isIterable(value)) {
          throw PyError.type("cannot unpack non-iterable " + value.typeName() + " object");
        }
        List<Value> items = Ops.toList(value);
        int expected = tuple.items().size();
        if (items.size() != expected) {
          throw PyError.value(
              items.size() > expected
                  ? "too many values to unpack (expected " + expected + ")"
                  : "not enough values to unpack (expected "
                      + expected
                      + ", got "
                      + items.size()
                      + ")");
        }
        for (int i = 0; i < expected; i++) {
          assign(tuple.items().get(i), items.get(i), frame);
        }
      }
    }
  }

  // Captured output.

  /** Starts to collect output in a buffer of its own and returns the one to give back. */
  private StrBuilder capture() {
    StrBuilder outer = out;
    out = new StrBuilder();
    out.turn(turn);
    return outer;
  }

  private Signal setBlock(Stmt.SetBlock set, Frame frame) {
    Frame inner = enter(set.scope(), frame);
    StrBuilder outer = capture();
    Signal signal = statements(set.body(), inner);
    Str captured = out.toStr();
    out = outer;
    if (signal != Signal.NEXT) {
      return signal;
    }
    Value value = set.filter() == null ? captured : evaluator.filter(set.filter(), inner, captured);
    assign(set.target(), value, frame);
    return Signal.NEXT;
  }

  private Signal filterBlock(Stmt.FilterBlock block, Frame frame) {
    Frame inner = enter(block.scope(), frame);
    StrBuilder outer = capture();
    Signal signal = statements(block.body(), inner);
    Str captured = out.toStr();
    out = outer;
    if (signal == Signal.NEXT) {
      out.append(text(evaluator.filter(block.filter(), inner, captured)));
    }
    return signal;
  }

  /** What a block prints must be text already: unlike {@code {{ }}} it is not converted. */
  private static Str text(Value value) {
    if (value instanceof Str str) {
      return str.asPlain();
    }
    throw PyError.type("sequence item: expected str instance, " + value.typeName() + " found");
  }

  /** Runs a macro's body; its arguments already lie in {@code frame}. */
  Value run(Stmt.Procedure procedure, Frame frame) {
    if (++calls > MAX_CALLS) {
      throw PyError.limit("macros call each other deeper than " + MAX_CALLS);
    }
    int callLine = line;
    StrBuilder outer = capture();
    load(procedure.scope(), frame);
    int firstDefault = procedure.parameters().size() - procedure.defaults().size();
    for (int i = 0; i < procedure.parameters().size(); i++) {
      int slot = procedure.parameterRefs().get(i).slot();
      if (frame.slots()[slot] == null) {
        frame.slots()[slot] =
            i >= firstDefault
                ? eval(procedure.defaults().get(i - firstDefault), frame)
                : new Undefined(
                    "parameter '" + procedure.parameters().get(i) + "' was not provided");
      }
    }
    statements(procedure.body(), frame);
    Str result = out.toStr();
    out = outer;
    calls--;
    line = callLine;
    return result;
  }

  // Loops.

  private Signal loop(Stmt.For loop, Frame frame) {
    Value iterable = eval(loop.iterable(), frame);
    if (loop.recursive()) {
      out.append(recurse(loop, frame, iterable, 0));
      return Signal.NEXT;
    }
    return iterate(loop, frame, iterable, 0);
  }

  private Str recurse(Stmt.For loop, Frame frame, Value iterable, int depth) {
    if (++calls > MAX_CALLS) {
      throw PyError.limit("a recursive loop goes deeper than " + MAX_CALLS);
    }
    StrBuilder outer = capture();
    iterate(loop, frame, iterable, depth);
    Str result = out.toStr();
    out = outer;
    calls--;
    return result;
  }

  private Signal iterate(Stmt.For loop, Frame frame, Value iterable, int depth) {
    Iterator<Value> items = Ops.iterate(iterable);
    if (loop.filter() != null) {
      items = new Filtered(loop, loop.filter(), items, enter(loop.filterScope(), frame));
    }
    Frame body = new Frame(loop.bodyScope().size(), frame);
    LoopContext context =
        loop.usesLoop()
            ? new LoopContext(
                iterable,
                items,
                loop.filter() != null,
                loop.recursive() ? (value, next) -> recurse(loop, frame, value, next) : null,
                depth)
            : null;
    long outerTurn = turn;
    boolean outerCounting = counting;
    boolean nothingRan = true;
    Signal result = Signal.NEXT;
    while (context != null ? context.hasNext() : items.hasNext()) {
      Value item = context != null ? context.next() : items.next();
      begin(loop, body, context, item, outerTurn);
      Signal signal = statements(loop.body(), body);
      if (signal == Signal.BREAK) {
        break;
      }
      // As in Jinja, an iteration left by continue does not count against the else.
      nothingRan &= signal != Signal.NEXT;
    }
    turn = outerTurn;
    counting = outerCounting;
    out.turn(turn);
    if (nothingRan && !loop.otherwise().isEmpty()) {
      result = statements(loop.otherwise(), enter(loop.otherwiseScope(), frame));
    }
    return result;
  }

  private void begin(
      Stmt.For loop, Frame body, @Nullable LoopContext context, Value item, long outerTurn) {
    evaluator.step();
    java.util.Arrays.fill(body.slots(), null);
    if (context != null) {
      body.slots()[0] = context;
    }
    assign(loop.target(), item, body);
    load(loop.bodyScope(), body);
    if (item instanceof PyDict dict && dict.message() >= 0) {
      turn = Str.turn(dict.message());
      counting = false;
    } else {
      turn = outerTurn;
      counting = outerTurn == 0;
    }
    out.turn(turn);
  }

  /** What a loop's filter leaves, tested one item at a time as the loop asks for it. */
  private final class Filtered implements Iterator<Value> {
    private final Stmt.For loop;
    private final Expr filter;
    private final Iterator<Value> items;
    private final Frame frame;
    private final List<Value> found = new ArrayList<>(1);

    Filtered(Stmt.For loop, Expr filter, Iterator<Value> items, Frame frame) {
      this.loop = loop;
      this.filter = filter;
      this.items = items;
      this.frame = frame;
    }

    @Override
    public boolean hasNext() {
      while (found.isEmpty() && items.hasNext()) {
        Value item = items.next();
        assign(loop.filterTarget(), item, frame);
        if (Ops.truthy(eval(filter, frame))) {
          found.add(item);
        }
      }
      return !found.isEmpty();
    }

    @Override
    public Value next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return found.removeLast();
    }
  }
}
