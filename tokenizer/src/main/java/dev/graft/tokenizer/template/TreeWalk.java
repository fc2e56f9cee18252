package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Stmt.Target;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Goes through all statements of a template, at any depth, in the order in which Jinja does. */
abstract class TreeWalk {
  /** Meets an expression, or the place of one that is not there. */
  abstract void expression(@Nullable Expr expression);

  /** Meets a name that is set: by {@code set}, {@code for}, {@code with} or as a parameter. */
  abstract void assigned(String name);

  /** Meets the name of a macro. */
  void macro(String name) {}

  final void statements(List<Stmt> statements) {
    statements.forEach(this::statement);
  }

  final void target(Target target) {
    switch (target) {
      case Target.NameTarget name -> assigned(name.name());
      case Target.TupleTarget tuple -> tuple.items().forEach(this::target);
      case Target.NamespaceTarget _ -> {}
    }
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
      case Stmt.MacroDefinition macro -> {
        macro(macro.name());
        procedure(macro.procedure());
      }
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
    procedure.parameters().forEach(this::assigned);
    procedure.defaults().forEach(this::expression);
    statements(procedure.body());
  }
}
