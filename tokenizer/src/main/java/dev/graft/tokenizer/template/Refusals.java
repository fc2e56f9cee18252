package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.CallArguments;
import dev.graft.tokenizer.template.Stmt.Target;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is outside the subset and can be seen without rendering: unknown filters, tests, methods and
 * functions. A template that would only fail in a rare branch fails when it is parsed.
 */
final class Refusals {
  private static final Set<String> UNSUPPORTED_METHODS = Attributes.unsupportedMethods();

  private Refusals() {}

  static Filters.Filter filter(String name, int line) {
    Filters.Filter filter = Filters.find(name);
    if (filter == null) {
      throw TemplateException.at(
          line,
          "the filter '"
              + name
              + "' is not supported; rewrite the template without it (supported: "
              + String.join(", ", Filters.names())
              + ")");
    }
    return filter;
  }

  static Tests.Test test(String name, int line) {
    Tests.Test test = Tests.find(name);
    if (test == null) {
      throw TemplateException.at(
          line,
          "the test '"
              + name
              + "' is not supported; rewrite the template without it (supported: "
              + String.join(", ", Tests.names())
              + ")");
    }
    return test;
  }

  /** {@code map('name')} and {@code select('name')} name a filter or a test in a string. */
  static void checkNested(String filter, CallArguments arguments, int line) {
    switch (filter) {
      case "map" -> {
        String name = constant(arguments, 0);
        if (name != null) {
          filter(name, line);
        }
      }
      case "select", "reject" -> {
        String name = constant(arguments, 0);
        if (name != null) {
          test(name, line);
        }
      }
      case "selectattr", "rejectattr" -> {
        String name = constant(arguments, 1);
        if (name != null) {
          test(name, line);
        }
      }
      default -> {}
    }
  }

  private static @Nullable String constant(CallArguments arguments, int index) {
    return index < arguments.positional().size()
            && arguments.positional().get(index) instanceof Expr.Const constant
            && constant.value() instanceof Str str
        ? str.text()
        : null;
  }

  static void checkCall(Expr callee, int line) {
    if (callee instanceof Expr.Attribute attribute
        && UNSUPPORTED_METHODS.contains(attribute.name())) {
      throw TemplateException.at(
          line, "the method '." + attribute.name() + "()' is not supported; rewrite the template");
    }
    if (callee instanceof Expr.Name name && name.name().equals("lipsum")) {
      throw TemplateException.at(line, "the function 'lipsum' is not supported; remove it");
    }
  }

  /** Jinja allows no loop to set {@code loop}, at any depth. */
  static boolean setsLoop(Stmt.For loop) {
    Tree tree = new Tree();
    tree.target(loop.target());
    tree.statements(loop.body());
    tree.statements(loop.otherwise());
    return tree.assigned.contains("loop");
  }

  /** Refuses calls of functions that neither exist nor are made by the template itself. */
  static void checkFunctions(List<Stmt> template) {
    Tree tree = new Tree();
    tree.statements(template);
    for (Expr.Call call : tree.calls) {
      if (call.callee() instanceof Expr.Name name
          && !tree.assigned.contains(name.name())
          && !tree.tested.contains(name.name())
          && !Globals.NAMES.contains(name.name())
          && !Set.of("caller", "loop").contains(name.name())) {
        throw TemplateException.at(
            call.line(),
            "the function '" + name.name() + "' is unknown; rewrite the template without it");
      }
    }
  }

  /** All names a template assigns, calls and tests with {@code is defined}. */
  private static final class Tree {
    private final Set<String> assigned = new HashSet<>();
    private final Set<String> tested = new HashSet<>();
    private final List<Expr.Call> calls = new java.util.ArrayList<>();

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
          expression(loop.filter());
          statements(loop.body());
          statements(loop.otherwise());
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
          assigned.add(macro.name());
          procedure(macro.procedure());
        }
        case Stmt.CallBlock call -> {
          expression(call.call());
          procedure(call.procedure());
        }
        case Stmt.FilterBlock block -> {
          expression(block.filter());
          statements(block.body());
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
      assigned.addAll(procedure.parameters());
      procedure.defaults().forEach(this::expression);
      statements(procedure.body());
    }

    private void target(Target target) {
      switch (target) {
        case Target.NameTarget name -> assigned.add(name.name());
        case Target.TupleTarget tuple -> tuple.items().forEach(this::target);
        case Target.NamespaceTarget _ -> {}
      }
    }

    private void expression(@Nullable Expr expression) {
      if (expression == null) {
        return;
      }
      if (expression instanceof Expr.Call call) {
        calls.add(call);
      }
      if (expression instanceof Expr.Test test
          && test.value() instanceof Expr.Name name
          && test.name().endsWith("defined")) {
        tested.add(name.name());
      }
      Resolver.children(expression).forEach(this::expression);
    }
  }
}
