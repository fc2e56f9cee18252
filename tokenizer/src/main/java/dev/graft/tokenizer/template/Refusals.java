package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.CallArguments;
import java.util.ArrayList;
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
  private static final class Tree extends TreeWalk {
    private final Set<String> assigned = new HashSet<>();
    private final Set<String> tested = new HashSet<>();
    private final List<Expr.Call> calls = new ArrayList<>();

    @Override
    void assigned(String name) {
      assigned.add(name);
    }

    @Override
    void macro(String name) {
      assigned.add(name);
    }

    @Override
    void expression(@Nullable Expr expression) {
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
