package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.CallArguments;
import dev.graft.tokenizer.template.Stmt.Procedure;
import dev.graft.tokenizer.template.Stmt.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Decides what each name means, in Jinja's two passes over every scope: first all names the scope
 * itself reads and sets, in order (not those inside loops and macros, which are scopes of their
 * own), then the references, going into the inner scopes.
 */
final class Resolver {
  private Resolver() {}

  /** Resolves a whole template and returns its outermost scope. */
  static Scope resolve(List<Stmt> template) {
    Scope root = new Scope();
    collect(template, root);
    bind(template, root);
    root.freeze();
    return root;
  }

  // First pass: what a scope reads and sets.

  private static void collect(List<Stmt> statements, Scope scope) {
    statements.forEach(statement -> collect(statement, scope));
  }

  private static void collect(Stmt statement, Scope scope) {
    switch (statement) {
      case Stmt.Text _, Stmt.Break _, Stmt.Continue _, Stmt.Generation _ -> {}
      case Stmt.Print print -> loads(print.value(), scope);
      case Stmt.If branch -> collectIf(branch, scope);
      case Stmt.For loop -> loads(loop.iterable(), scope);
      case Stmt.Set set -> {
        loads(set.value(), scope);
        stores(set.target(), scope);
      }
      case Stmt.SetBlock set -> stores(set.target(), scope);
      case Stmt.MacroDefinition macro -> scope.store(macro.name());
      case Stmt.CallBlock call -> loads(call.call(), scope);
      case Stmt.FilterBlock block -> loads(block.filter(), scope);
      case Stmt.With with -> with.values().forEach(value -> loads(value, scope));
    }
  }

  private static void collectIf(Stmt.If branch, Scope scope) {
    loads(branch.test(), scope);
    Scope then = scope.branch();
    collect(branch.then(), then);
    Scope elifs = scope.branch();
    branch.elifs().forEach(elif -> collectIf(elif, elifs));
    Scope otherwise = scope.branch();
    collect(branch.otherwise(), otherwise);
    scope.merge(List.of(then, elifs, otherwise));
  }

  private static void loads(Expr expression, Scope scope) {
    names(expression, name -> scope.load(name.name()));
  }

  private static void stores(Target target, Scope scope) {
    switch (target) {
      case Target.NameTarget name -> scope.store(name.name());
      case Target.TupleTarget tuple -> tuple.items().forEach(item -> stores(item, scope));
      case Target.NamespaceTarget namespace -> scope.load(namespace.name());
    }
  }

  private static void parameters(Target target, Scope scope) {
    switch (target) {
      case Target.NameTarget name -> scope.parameter(name.name());
      case Target.TupleTarget tuple -> tuple.items().forEach(item -> parameters(item, scope));
      case Target.NamespaceTarget namespace -> scope.load(namespace.name());
    }
  }

  // Second pass: the references.

  private static void bind(List<Stmt> statements, Scope scope) {
    statements.forEach(statement -> bind(statement, scope));
  }

  private static void bind(Stmt statement, Scope scope) {
    switch (statement) {
      case Stmt.Text _, Stmt.Break _, Stmt.Continue _ -> {}
      case Stmt.Print print -> bind(print.value(), scope);
      case Stmt.If branch -> {
        bind(branch.test(), scope);
        bind(branch.then(), scope);
        branch.elifs().forEach(elif -> bind(elif, scope));
        bind(branch.otherwise(), scope);
      }
      case Stmt.For loop -> bindFor(loop, scope);
      case Stmt.Set set -> {
        bind(set.value(), scope);
        bind(set.target(), scope);
      }
      case Stmt.SetBlock set -> {
        inner(set.body(), set.filter(), set.scope(), scope);
        bind(set.target(), scope);
      }
      case Stmt.MacroDefinition macro -> {
        procedure(macro.procedure(), scope);
        scope.bind(macro.name(), macro.ref());
      }
      case Stmt.CallBlock call -> {
        procedure(call.procedure(), scope);
        bind(call.call(), scope);
      }
      case Stmt.FilterBlock block -> inner(block.body(), block.filter(), block.scope(), scope);
      case Stmt.With with -> {
        with.values().forEach(value -> bind(value, scope));
        with.scope().parent(scope);
        with.targets().forEach(target -> parameters(target, with.scope()));
        collect(with.body(), with.scope());
        with.targets().forEach(target -> bind(target, with.scope()));
        bind(with.body(), with.scope());
        with.scope().freeze();
      }
      case Stmt.Generation generation -> inner(generation.body(), null, generation.scope(), scope);
    }
  }

  private static void inner(
      List<Stmt> body, Expr.@Nullable Filter filter, Scope scope, Scope parent) {
    scope.parent(parent);
    collect(body, scope);
    if (filter != null) {
      loads(filter, scope);
      bind(filter, scope);
    }
    bind(body, scope);
    scope.freeze();
  }

  private static void bindFor(Stmt.For loop, Scope scope) {
    bind(loop.iterable(), scope);
    Scope body = loop.bodyScope();
    body.parent(scope);
    if (loop.usesLoop()) {
      // The Interpreter finds the loop variable in slot 0.
      body.parameter("loop");
    }
    parameters(loop.target(), body);
    collect(loop.body(), body);
    bind(loop.target(), body);
    bind(loop.body(), body);
    body.freeze();

    Scope otherwise = loop.otherwiseScope();
    otherwise.parent(scope);
    collect(loop.otherwise(), otherwise);
    bind(loop.otherwise(), otherwise);
    otherwise.freeze();

    Scope filter = loop.filterScope();
    filter.parent(scope);
    if (loop.filter() != null) {
      parameters(loop.filterTarget(), filter);
      loads(loop.filter(), filter);
      bind(loop.filterTarget(), filter);
      bind(loop.filter(), filter);
    }
    filter.freeze();
  }

  private static void procedure(Procedure procedure, Scope parent) {
    Scope scope = procedure.scope();
    scope.parent(parent);
    procedure.parameters().forEach(scope::parameter);
    List<String> undeclared = Undeclared.specials(procedure.body());
    if (undeclared.contains("caller") && !procedure.parameters().contains("caller")) {
      procedure.special().caller = scope.parameter("caller");
    }
    if (undeclared.contains("kwargs") && !procedure.parameters().contains("kwargs")) {
      procedure.special().kwargs = scope.parameter("kwargs");
    }
    if (undeclared.contains("varargs") && !procedure.parameters().contains("varargs")) {
      procedure.special().varargs = scope.parameter("varargs");
    }
    procedure.defaults().forEach(value -> loads(value, scope));
    collect(procedure.body(), scope);
    for (int i = 0; i < procedure.parameters().size(); i++) {
      scope.bind(procedure.parameters().get(i), procedure.parameterRefs().get(i));
    }
    procedure.defaults().forEach(value -> bind(value, scope));
    bind(procedure.body(), scope);
    scope.freeze();
  }

  private static void bind(Expr expression, Scope scope) {
    names(expression, name -> scope.bind(name.name(), name.ref()));
  }

  private static void bind(Target target, Scope scope) {
    switch (target) {
      case Target.NameTarget name -> scope.bind(name.name(), name.ref());
      case Target.TupleTarget tuple -> tuple.items().forEach(item -> bind(item, scope));
      case Target.NamespaceTarget namespace -> scope.bind(namespace.name(), namespace.ref());
    }
  }

  /** Visits every name of an expression, in the order Jinja does. */
  static void names(@Nullable Expr expression, Consumer<Expr.Name> visitor) {
    switch (expression) {
      case null -> {}
      case Expr.Const _ -> {}
      case Expr.Name name -> visitor.accept(name);
      default -> children(expression).forEach(child -> names(child, visitor));
    }
  }

  /** The direct parts of an expression. */
  static List<Expr> children(Expr expression) {
    return switch (expression) {
      case Expr.Const _, Expr.Name _ -> List.of();
      case Expr.TupleExpr tuple -> tuple.items();
      case Expr.ListExpr list -> list.items();
      case Expr.DictExpr dict -> concat(dict.keys(), dict.values());
      case Expr.Conditional conditional ->
          present(conditional.test(), conditional.then(), conditional.otherwise());
      case Expr.And and -> List.of(and.left(), and.right());
      case Expr.Or or -> List.of(or.left(), or.right());
      case Expr.Not not -> List.of(not.operand());
      case Expr.Negate negate -> List.of(negate.operand());
      case Expr.Plus plus -> List.of(plus.operand());
      case Expr.Binary binary -> List.of(binary.left(), binary.right());
      case Expr.Concat concat -> concat.parts();
      case Expr.Compare compare -> concat(List.of(compare.first()), compare.operands());
      case Expr.Attribute attribute -> List.of(attribute.object());
      case Expr.Subscript subscript -> List.of(subscript.object(), subscript.key());
      case Expr.Slice slice -> present(slice.object(), slice.start(), slice.stop(), slice.step());
      case Expr.Call call -> concat(List.of(call.callee()), children(call.arguments()));
      case Expr.Filter filter -> concat(present(filter.value()), children(filter.arguments()));
      case Expr.Test test -> concat(List.of(test.value()), children(test.arguments()));
    };
  }

  private static List<Expr> children(CallArguments arguments) {
    return concat(
        concat(arguments.positional(), arguments.named()),
        present(arguments.star(), arguments.starStar()));
  }

  private static List<Expr> concat(List<Expr> a, List<Expr> b) {
    List<Expr> all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  private static List<Expr> present(@Nullable Expr... expressions) {
    List<Expr> present = new ArrayList<>();
    for (Expr expression : expressions) {
      if (expression != null) {
        present.add(expression);
      }
    }
    return present;
  }
}
