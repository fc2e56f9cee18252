package dev.graft.tokenizer.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression of the template's tree. */
sealed interface Expr {

  record Const(Value value) implements Expr {}

  record Name(String name, Ref ref) implements Expr {}

  record TupleExpr(List<Expr> items) implements Expr {}

  record ListExpr(List<Expr> items) implements Expr {}

  record DictExpr(List<Expr> keys, List<Expr> values) implements Expr {}

  record Conditional(Expr test, Expr then, @Nullable Expr otherwise, int line) implements Expr {}

  record And(Expr left, Expr right) implements Expr {}

  record Or(Expr left, Expr right) implements Expr {}

  record Not(Expr operand) implements Expr {}

  record Negate(Expr operand) implements Expr {}

  record Plus(Expr operand) implements Expr {}

  record Binary(BinaryOp op, Expr left, Expr right) implements Expr {}

  record Concat(List<Expr> parts) implements Expr {}

  /** {@code first op0 operand0 op1 operand1 …}, each operand evaluated once. */
  record Compare(Expr first, List<CompareOp> ops, List<Expr> operands) implements Expr {}

  record Attribute(Expr object, String name) implements Expr {}

  record Subscript(Expr object, Expr key) implements Expr {}

  record Slice(Expr object, @Nullable Expr start, @Nullable Expr stop, @Nullable Expr step)
      implements Expr {}

  record Call(Expr callee, CallArguments arguments, int line) implements Expr {}

  /** {@code value|name(arguments)}; the value is absent in {@code {% filter %}} and set blocks. */
  record Filter(@Nullable Expr value, String name, Filters.Filter filter, CallArguments arguments)
      implements Expr {}

  record Test(Expr value, String name, Tests.Test test, CallArguments arguments) implements Expr {}

  enum BinaryOp {
    ADD("+"),
    SUB("-"),
    MUL("*"),
    DIV("/"),
    FLOORDIV("//"),
    MOD("%"),
    POW("** or pow()");

    private final String symbol;

    BinaryOp(String symbol) {
      this.symbol = symbol;
    }

    String symbol() {
      return symbol;
    }
  }

  enum CompareOp {
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE,
    IN,
    NOT_IN
  }

  /** Arguments as written: positional, by name, and Python's {@code *} and {@code **}. */
  record CallArguments(
      List<Expr> positional,
      List<String> names,
      List<Expr> named,
      @Nullable Expr star,
      @Nullable Expr starStar) {
    static final CallArguments NONE =
        new CallArguments(List.of(), List.of(), List.of(), null, null);

    boolean isEmpty() {
      return positional.isEmpty() && named.isEmpty() && star == null && starStar == null;
    }
  }

  /** Where a name's value lives: filled in once, by the Resolver, before the template is shared. */
  final class Ref {
    private int hops = -1;
    private int slot = -1;

    void bind(int hops, int slot) {
      this.hops = hops;
      this.slot = slot;
    }

    /** How many scopes out. */
    int hops() {
      return hops;
    }

    int slot() {
      return slot;
    }
  }
}
