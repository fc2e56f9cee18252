package dev.graft.tokenizer.template;

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
final class Undeclared extends TreeWalk {
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

  @Override
  void expression(@Nullable Expr expression) {
    Resolver.names(
        expression,
        name -> {
          if (wanted.contains(name.name()) && !found.contains(name.name())) {
            found.add(name.name());
          }
        });
  }

  @Override
  void assigned(String name) {
    wanted.remove(name);
  }
}
