package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Stmt.Target;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which of Jinja's special names ({@code loop}, {@code caller}, {@code kwargs}, {@code varargs}) a
 * body reads before setting them, at any depth. That is how Jinja decides whether a loop has a
 * {@code loop} and a macro takes a caller or surplus arguments.
 */
final class Undeclared {
  private final Set<String> wanted;
  private final List<String> found = new ArrayList<>();

  private Undeclared(Set<String> wanted) {
    this.wanted = new HashSet<>(wanted);
  }

  static boolean loop(List<Stmt> body) {
    return !find(body, Set.of("loop")).isEmpty();
  }

  static List<String> specials(List<Stmt> body) {
    return find(body, Set.of("caller", "kwargs", "varargs"));
  }

  private static List<String> find(List<Stmt> body, Set<String> names) {
    Undeclared search = new Undeclared(names);
    search.statements(body);
    return search.found;
  }

  private void statements(List<Stmt> statements) {
    statements.forEach(this::statement);
  }

  private void statement(Stmt statement) {
    switch (statement) {
      case Stmt.Text _, Stmt.Break _, Stmt.Continue _ -> {}
      case Stmt.Print print -> expression(print.value());
      case Stmt.If branch -> {
        expression(branch.test());
        statements(branch.then());
        branch.elifs().forEach(this::statement);
        statements(branch.otherwise());
      }
      case Stmt.For loop -> {
        target(loop.target());
        expression(loop.iterable());
        statements(loop.body());
        statements(loop.otherwise());
        expression(loop.filter());
      }
      case Stmt.Set set -> {
        target(set.target());
        expression(set.value());
      }
      case Stmt.SetBlock set -> {
        target(set.target());
        expression(set.filter());
        statements(set.body());
      }
      case Stmt.MacroDefinition macro -> procedure(macro.procedure());
      case Stmt.CallBlock call -> {
        expression(call.call());
        procedure(call.procedure());
      }
      case Stmt.FilterBlock block -> {
        statements(block.body());
        expression(block.filter());
      }
      case Stmt.With with -> {
        with.targets().forEach(this::target);
        with.values().forEach(this::expression);
        statements(with.body());
      }
      case Stmt.Generation generation -> statements(generation.body());
    }
  }

  private void procedure(Stmt.Procedure procedure) {
    wanted.removeAll(procedure.parameters());
    procedure.defaults().forEach(this::expression);
    statements(procedure.body());
  }

  private void expression(@Nullable Expr expression) {
    Resolver.names(
        expression,
        name -> {
          if (wanted.contains(name.name()) && !found.contains(name.name())) {
            found.add(name.name());
          }
        });
  }

  private void target(Target target) {
    switch (target) {
      case Target.NameTarget name -> wanted.remove(name.name());
      case Target.TupleTarget tuple -> tuple.items().forEach(this::target);
      case Target.NamespaceTarget _ -> {}
    }
  }
}
