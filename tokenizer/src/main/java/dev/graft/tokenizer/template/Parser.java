package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.Ref;
import dev.graft.tokenizer.template.Stmt.Procedure;
import dev.graft.tokenizer.template.Stmt.Target;
import dev.graft.tokenizer.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Jinja's statements. Tags outside the subset are refused here, by name. */
final class Parser extends ExpressionParser {
  private static final int MAX_NESTING = 100;

  /**
   * Tags Jinja has and a chat template has no use for: they load other files, or change escaping.
   */
  private static final Set<String> REFUSED_TAGS =
      Set.of(
          "autoescape",
          "block",
          "debug",
          "do",
          "extends",
          "from",
          "import",
          "include",
          "language",
          "load",
          "pluralize",
          "scoped",
          "trans");

  private int nesting;
  private int loops;

  private Parser(List<Token> tokens) {
    super(tokens);
  }

  static List<Stmt> parse(List<Token> tokens) {
    Parser parser = new Parser(tokens);
    return parser.statements(Set.of());
  }

  /** Statements up to one of {@code ends}, whose tag name becomes the current token. */
  private List<Stmt> statements(Set<String> ends) {
    if (++nesting > MAX_NESTING) {
      throw fail("tags are nested deeper than " + MAX_NESTING);
    }
    List<Stmt> body = new ArrayList<>();
    while (!current().is(Kind.END)) {
      Token token = next();
      switch (token.kind()) {
        case DATA -> body.add(new Stmt.Text(Str.of(token.text()), token.line()));
        case VARIABLE_BEGIN -> {
          body.add(new Stmt.Print(parseTuple(true, null, false), token.line()));
          expect(Kind.VARIABLE_END);
        }
        case BLOCK_BEGIN -> {
          if (current().is(Kind.NAME) && ends.contains(current().text())) {
            nesting--;
            return body;
          }
          body.addAll(statement());
          expect(Kind.BLOCK_END);
        }
        case VARIABLE_END, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END ->
            throw fail("unexpected " + token.describe());
      }
    }
    if (!ends.isEmpty()) {
      throw fail("the template ends before {% " + String.join(" or ", sorted(ends)) + " %}");
    }
    nesting--;
    return body;
  }

  private static List<String> sorted(Set<String> names) {
    return names.stream().sorted().toList();
  }

  private List<Stmt> body(String end) {
    List<Stmt> body = block(Set.of(end));
    next();
    return body;
  }

  private List<Stmt> block(Set<String> ends) {
    skipOperator(":");
    expect(Kind.BLOCK_END);
    return statements(ends);
  }

  private List<Stmt> statement() {
    Token tag = current();
    if (!tag.is(Kind.NAME)) {
      throw fail("expected the name of a tag, found " + tag.describe());
    }
    int line = tag.line();
    next();
    return switch (tag.text()) {
      case "if" -> List.of(parseIf(line));
      case "for" -> List.of(parseFor(line));
      case "set" -> List.of(parseSet(line));
      case "macro" -> List.of(parseMacro(line));
      case "call" -> List.of(parseCallBlock(line));
      case "filter" -> {
        Expr.Filter filter = parseFilterChain(parseFilterName(null));
        yield List.of(new Stmt.FilterBlock(filter, body("endfilter"), new Scope(), line));
      }
      case "with" -> List.of(parseWith(line));
      case "print" -> parsePrint(line);
      case "generation" -> {
        int outer = loops;
        loops = 0;
        List<Stmt> body = body("endgeneration");
        loops = outer;
        yield List.of(new Stmt.Generation(body, new Scope(), line));
      }
      case "break", "continue" -> {
        if (loops == 0) {
          throw TemplateException.at(
              line, "{% " + tag.text() + " %} outside of a loop; correct the template");
        }
        yield List.of(tag.text().equals("break") ? new Stmt.Break(line) : new Stmt.Continue(line));
      }
      default -> throw unknownTag(tag);
    };
  }

  private TemplateException unknownTag(Token tag) {
    if (REFUSED_TAGS.contains(tag.text())) {
      return refuse(tag.line(), "the tag {% " + tag.text() + " %}");
    }
    return tag.text().startsWith("end") || tag.text().startsWith("el")
        ? TemplateException.at(
            tag.line(),
            "{% " + tag.text() + " %} closes nothing that is open; check how the tags nest")
        : TemplateException.at(
            tag.line(), "unknown tag {% " + tag.text() + " %}; rewrite the template without it");
  }

  private Stmt.If parseIf(int line) {
    Expr test = parseTuple(false, null, false);
    List<Stmt> then = block(Set.of("elif", "else", "endif"));
    List<Stmt.If> elifs = new ArrayList<>();
    List<Stmt> otherwise = List.of();
    while (current().isName("elif")) {
      int elifLine = next().line();
      Expr elifTest = parseTuple(false, null, false);
      List<Stmt> elifBody = block(Set.of("elif", "else", "endif"));
      elifs.add(new Stmt.If(elifTest, elifBody, List.of(), List.of(), elifLine));
    }
    if (next().isName("else")) {
      otherwise = body("endif");
    }
    return new Stmt.If(test, then, elifs, otherwise, line);
  }

  private Stmt parseFor(int line) {
    Target target = parseTarget("in", false);
    expectName("in");
    Expr iterable = parseTuple(false, "recursive", false);
    Expr filter = skipName("if") ? parseExpression() : null;
    boolean recursive = skipName("recursive");
    loops++;
    List<Stmt> body = block(Set.of("endfor", "else"));
    loops--;
    List<Stmt> otherwise = next().isName("else") ? body("endfor") : List.of();
    Stmt.For loop =
        new Stmt.For(
            target,
            iterable,
            filter,
            target.copy(),
            recursive,
            recursive || Undeclared.loop(body),
            body,
            otherwise,
            new Scope(),
            new Scope(),
            new Scope(),
            line);
    if (Refusals.setsLoop(loop)) {
      throw TemplateException.at(
          line, "the special variable 'loop' is set in a for loop; rename it");
    }
    return loop;
  }

  private Stmt parseSet(int line) {
    Target target = parseTarget(null, true);
    if (skipOperator("=")) {
      return new Stmt.Set(target, parseTuple(true, null, false), line);
    }
    Expr.Filter filter = null;
    if (skipOperator("|")) {
      filter = parseFilterChain(parseFilterName(null));
    }
    return new Stmt.SetBlock(target, filter, body("endset"), new Scope(), line);
  }

  private Expr.Filter parseFilterChain(Expr.Filter first) {
    Expr.Filter filter = first;
    while (skipOperator("|")) {
      filter = parseFilterName(filter);
    }
    return filter;
  }

  /** A name, a tuple of targets, or {@code namespace.attribute} where {@code set} allows it. */
  private Target parseTarget(@Nullable String endName, boolean withNamespace) {
    List<Target> items = new ArrayList<>();
    boolean tuple = false;
    while (true) {
      if (!items.isEmpty()) {
        expectOperator(",");
      }
      if (isTupleEnd(endName)) {
        break;
      }
      items.add(parseSingleTarget(withNamespace));
      if (!current().isOperator(",")) {
        break;
      }
      tuple = true;
    }
    if (items.isEmpty()) {
      throw fail("expected a name to assign to, found " + current().describe());
    }
    return tuple ? new Target.TupleTarget(items) : items.getFirst();
  }

  private Target parseSingleTarget(boolean withNamespace) {
    if (skipOperator("(")) {
      Target inner = parseTarget(null, false);
      expectOperator(")");
      return inner;
    }
    String name = targetName();
    if (withNamespace && skipOperator(".")) {
      return new Target.NamespaceTarget(name, new Ref(), expect(Kind.NAME).text());
    }
    return new Target.NameTarget(name, new Ref());
  }

  private String targetName() {
    if (!current().is(Kind.NAME)) {
      throw fail("cannot assign to " + current().describe());
    }
    String name = next().text();
    if (Set.of("true", "True", "false", "False", "none", "None").contains(name)) {
      throw fail("cannot assign to '" + name + "'");
    }
    return name;
  }

  private Stmt parseMacro(int line) {
    String name = targetName();
    return new Stmt.MacroDefinition(name, new Ref(), parseProcedure(name, "endmacro"), line);
  }

  private Stmt parseCallBlock(int line) {
    List<String> parameters = new ArrayList<>();
    List<Expr> defaults = new ArrayList<>();
    if (current().isOperator("(")) {
      parseSignature(parameters, defaults);
    }
    if (!(parseExpression() instanceof Expr.Call call)) {
      throw TemplateException.at(line, "{% call %} needs a call; correct the template");
    }
    return new Stmt.CallBlock(
        call, procedure(null, parameters, defaults, functionBody("endcall"), line), line);
  }

  private Procedure parseProcedure(String name, String end) {
    int line = current().line();
    List<String> parameters = new ArrayList<>();
    List<Expr> defaults = new ArrayList<>();
    parseSignature(parameters, defaults);
    return procedure(name, parameters, defaults, functionBody(end), line);
  }

  /** A body that is a Python function of its own: an enclosing loop cannot be left from within. */
  private List<Stmt> functionBody(String end) {
    int outer = loops;
    loops = 0;
    List<Stmt> body = body(end);
    loops = outer;
    return body;
  }

  private Procedure procedure(
      @Nullable String name,
      List<String> parameters,
      List<Expr> defaults,
      List<Stmt> body,
      int line) {
    if (Set.copyOf(parameters).size() < parameters.size()) {
      throw TemplateException.at(line, "a macro has a parameter twice; correct the template");
    }
    int caller = parameters.indexOf("caller");
    if (caller >= 0
        && caller < parameters.size() - defaults.size()
        && Undeclared.specials(body).contains("caller")) {
      throw TemplateException.at(
          line, "the special parameter 'caller' must be left out or have a default");
    }
    List<Ref> refs = parameters.stream().map(_ -> new Ref()).toList();
    return new Procedure(
        name, parameters, refs, defaults, body, new Procedure.Special(), new Scope());
  }

  private void parseSignature(List<String> parameters, List<Expr> defaults) {
    expectOperator("(");
    while (!current().isOperator(")")) {
      if (!parameters.isEmpty()) {
        expectOperator(",");
      }
      parameters.add(targetName());
      if (skipOperator("=")) {
        defaults.add(parseExpression());
      } else if (!defaults.isEmpty()) {
        throw fail("a parameter without a default follows one that has one");
      }
    }
    expectOperator(")");
  }

  private Stmt parseWith(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!current().is(Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        expectOperator(",");
      }
      targets.add(parseTarget(null, false));
      expectOperator("=");
      values.add(parseExpression());
    }
    return new Stmt.With(targets, values, body("endwith"), new Scope(), line);
  }

  private List<Stmt> parsePrint(int line) {
    List<Stmt> prints = new ArrayList<>();
    while (!current().is(Kind.BLOCK_END)) {
      if (!prints.isEmpty()) {
        expectOperator(",");
      }
      prints.add(new Stmt.Print(parseExpression(), line));
    }
    return prints;
  }
}
