package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.Ref;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A statement of the template's tree. */
sealed interface Stmt {
  int line();

  record Text(Str text, int line) implements Stmt {}

  record Print(Expr value, int line) implements Stmt {}

  record If(Expr test, List<Stmt> then, List<If> elifs, List<Stmt> otherwise, int line)
      implements Stmt {}

  /**
   * A for loop. The filter has a scope of its own (Jinja compiles it to a function), hence the
   * second copy of the target.
   */
  record For(
      Target target,
      Expr iterable,
      @Nullable Expr filter,
      Target filterTarget,
      boolean recursive,
      boolean usesLoop,
      List<Stmt> body,
      List<Stmt> otherwise,
      Scope bodyScope,
      Scope filterScope,
      Scope otherwiseScope,
      int line)
      implements Stmt {}

  record Set(Target target, Expr value, int line) implements Stmt {}

  record SetBlock(
      Target target, Expr.@Nullable Filter filter, List<Stmt> body, Scope scope, int line)
      implements Stmt {}

  record MacroDefinition(String name, Ref ref, Procedure procedure, int line) implements Stmt {}

  record CallBlock(Expr.Call call, Procedure procedure, int line) implements Stmt {}

  record FilterBlock(Expr.Filter filter, List<Stmt> body, Scope scope, int line) implements Stmt {}

  record With(List<Target> targets, List<Expr> values, List<Stmt> body, Scope scope, int line)
      implements Stmt {}

  /** {@code {% generation %}}: what the model is to learn, as transformers marks it. */
  record Generation(List<Stmt> body, Scope scope, int line) implements Stmt {}

  record Break(int line) implements Stmt {}

  record Continue(int line) implements Stmt {}

  /** What can stand left of an {@code =} or after {@code for}. */
  sealed interface Target {
    record NameTarget(String name, Ref ref) implements Target {}

    record TupleTarget(List<Target> items) implements Target {}

    record NamespaceTarget(String name, Ref ref, String attribute) implements Target {}

    /** The same target with references of its own. */
    default Target copy() {
      return switch (this) {
        case NameTarget target -> new NameTarget(target.name, new Ref());
        case TupleTarget target ->
            new TupleTarget(target.items.stream().map(Target::copy).toList());
        case NamespaceTarget target ->
            new NamespaceTarget(target.name, new Ref(), target.attribute);
      };
    }
  }

  /** The body of a macro or a call block: parameters, defaults of the last ones, statements. */
  record Procedure(
      @Nullable String name,
      List<String> parameters,
      List<Ref> parameterRefs,
      List<Expr> defaults,
      List<Stmt> body,
      Special special,
      Scope scope) {

    /** Which of the special names the body reads, and where they live. */
    static final class Special {
      int caller = -1;
      int kwargs = -1;
      int varargs = -1;
    }
  }
}
