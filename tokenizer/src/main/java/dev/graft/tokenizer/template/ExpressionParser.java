package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Expr.BinaryOp;
import dev.graft.tokenizer.template.Expr.CallArguments;
import dev.graft.tokenizer.template.Expr.CompareOp;
import dev.graft.tokenizer.template.Expr.Ref;
import dev.graft.tokenizer.template.Token.Kind;
import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.Real;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Jinja's expressions, by recursive descent. */
class ExpressionParser extends TokenReader {
  private static final int MAX_DEPTH = 200;
  private static final Map<String, CompareOp> COMPARISONS =
      Map.of(
          "==", CompareOp.EQ,
          "!=", CompareOp.NE,
          "<", CompareOp.LT,
          "<=", CompareOp.LE,
          ">", CompareOp.GT,
          ">=", CompareOp.GE);
  private static final Map<String, BinaryOp> PRODUCTS =
      Map.of("*", BinaryOp.MUL, "/", BinaryOp.DIV, "//", BinaryOp.FLOORDIV, "%", BinaryOp.MOD);

  private int depth;

  ExpressionParser(List<Token> tokens) {
    super(tokens);
  }

  boolean isTupleEnd(@Nullable String endName) {
    Token token = current();
    return token.is(Kind.VARIABLE_END)
        || token.is(Kind.BLOCK_END)
        || token.isOperator(")")
        || (endName != null && token.isName(endName));
  }

  /** One expression, or several with commas, which make a tuple. */
  Expr parseTuple(boolean conditional, @Nullable String endName, boolean parenthesized) {
    List<Expr> items = new ArrayList<>();
    boolean tuple = false;
    while (true) {
      if (!items.isEmpty()) {
        expectOperator(",");
      }
      if (isTupleEnd(endName)) {
        break;
      }
      items.add(conditional ? parseExpression() : parseOr());
      if (!current().isOperator(",")) {
        break;
      }
      tuple = true;
    }
    if (!tuple && !items.isEmpty()) {
      return items.getFirst();
    }
    if (!tuple && !parenthesized) {
      throw fail("expected an expression, found " + current().describe());
    }
    return new Expr.TupleExpr(items);
  }

  Expr parseExpression() {
    if (++depth > MAX_DEPTH) {
      throw fail("an expression is nested deeper than " + MAX_DEPTH);
    }
    int line = current().line();
    Expr expression = parseOr();
    while (skipName("if")) {
      Expr test = parseOr();
      Expr otherwise = skipName("else") ? parseExpression() : null;
      expression = new Expr.Conditional(test, expression, otherwise, line);
      line = current().line();
    }
    depth--;
    return expression;
  }

  Expr parseOr() {
    Expr left = parseAnd();
    while (skipName("or")) {
      left = new Expr.Or(left, parseAnd());
    }
    return left;
  }

  private Expr parseAnd() {
    Expr left = parseNot();
    while (skipName("and")) {
      left = new Expr.And(left, parseNot());
    }
    return left;
  }

  private Expr parseNot() {
    int nots = 0;
    while (skipName("not")) {
      nots++;
    }
    Expr expression = parseCompare();
    if (nots == 0) {
      return expression;
    }
    return nots % 2 == 1 ? new Expr.Not(expression) : new Expr.Not(new Expr.Not(expression));
  }

  private Expr parseCompare() {
    Expr first = parseSum();
    List<CompareOp> ops = new ArrayList<>();
    List<Expr> operands = new ArrayList<>();
    while (true) {
      CompareOp op = current().is(Kind.OPERATOR) ? COMPARISONS.get(current().text()) : null;
      if (op != null) {
        next();
      } else if (skipName("in")) {
        op = CompareOp.IN;
      } else if (current().isName("not") && look().isName("in")) {
        next();
        next();
        op = CompareOp.NOT_IN;
      } else {
        break;
      }
      ops.add(op);
      operands.add(parseSum());
    }
    return ops.isEmpty() ? first : new Expr.Compare(first, ops, operands);
  }

  private Expr parseSum() {
    Expr left = parseConcat();
    while (current().isOperator("+") || current().isOperator("-")) {
      BinaryOp op = next().text().equals("+") ? BinaryOp.ADD : BinaryOp.SUB;
      left = new Expr.Binary(op, left, parseConcat());
    }
    return left;
  }

  private Expr parseConcat() {
    List<Expr> parts = new ArrayList<>();
    parts.add(parseProduct());
    while (skipOperator("~")) {
      parts.add(parseProduct());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expr.Concat(parts);
  }

  private Expr parseProduct() {
    Expr left = parsePower();
    while (current().is(Kind.OPERATOR) && PRODUCTS.containsKey(current().text())) {
      BinaryOp op = PRODUCTS.getOrDefault(next().text(), BinaryOp.MUL);
      left = new Expr.Binary(op, left, parsePower());
    }
    return left;
  }

  private Expr parsePower() {
    Expr left = parseUnary(true);
    // Unlike Python's, Jinja's "**" groups to the left and binds looser than a sign.
    while (skipOperator("**")) {
      left = new Expr.Binary(BinaryOp.POW, left, parseUnary(true));
    }
    return left;
  }

  private Expr parseUnary(boolean withFilters) {
    if (++depth > MAX_DEPTH) {
      throw fail("an expression is nested deeper than " + MAX_DEPTH);
    }
    Expr expression;
    if (skipOperator("-")) {
      expression = new Expr.Negate(parseUnary(false));
    } else if (skipOperator("+")) {
      expression = new Expr.Plus(parseUnary(false));
    } else {
      expression = parsePrimary();
    }
    expression = parsePostfix(expression);
    if (withFilters) {
      expression = parseFilters(expression);
    }
    depth--;
    return expression;
  }

  private Expr parsePrimary() {
    Token token = next();
    return switch (token.kind()) {
      case NAME ->
          switch (token.text()) {
            case "true", "True" -> new Expr.Const(Bool.TRUE);
            case "false", "False" -> new Expr.Const(Bool.FALSE);
            case "none", "None" -> new Expr.Const(None.NONE);
            default -> new Expr.Name(token.text(), new Ref());
          };
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (current().is(Kind.STRING)) {
          text.append(next().text());
        }
        yield new Expr.Const(Str.of(text.toString()));
      }
      case INTEGER -> new Expr.Const(new Int(integer(token.text())));
      case FLOAT -> new Expr.Const(new Real(Double.parseDouble(token.text())));
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> {
              Expr inner = parseTuple(true, null, true);
              expectOperator(")");
              yield inner;
            }
            case "[" -> parseList();
            case "{" -> parseDict();
            default -> throw unexpected(token);
          };
      case DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, END ->
          throw unexpected(token);
    };
  }

  private static TemplateException unexpected(Token token) {
    return TemplateException.at(
        token.line(), "unexpected " + token.describe() + "; correct the template");
  }

  private static BigInteger integer(String digits) {
    if (digits.length() > 2 && Character.isLetter(digits.charAt(1))) {
      int radix =
          switch (digits.charAt(1)) {
            case 'x', 'X' -> 16;
            case 'o', 'O' -> 8;
            default -> 2;
          };
      return new BigInteger(digits.substring(2), radix);
    }
    return new BigInteger(digits);
  }

  private Expr parseList() {
    List<Expr> items = new ArrayList<>();
    while (!current().isOperator("]")) {
      if (!items.isEmpty()) {
        expectOperator(",");
      }
      if (current().isOperator("]")) {
        break;
      }
      items.add(parseExpression());
    }
    expectOperator("]");
    return new Expr.ListExpr(items);
  }

  private Expr parseDict() {
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!current().isOperator("}")) {
      if (!keys.isEmpty()) {
        expectOperator(",");
      }
      if (current().isOperator("}")) {
        break;
      }
      keys.add(parseExpression());
      expectOperator(":");
      values.add(parseExpression());
    }
    expectOperator("}");
    return new Expr.DictExpr(keys, values);
  }

  private Expr parsePostfix(Expr start) {
    Expr expression = start;
    while (true) {
      if (current().isOperator(".") || current().isOperator("[")) {
        expression = parseSubscript(expression);
      } else if (current().isOperator("(")) {
        expression = parseCall(expression);
      } else {
        return expression;
      }
    }
  }

  private Expr parseFilters(Expr start) {
    Expr expression = start;
    while (true) {
      if (current().isOperator("|")) {
        expression = parseFilter(expression);
      } else if (current().isName("is")) {
        expression = parseTest(expression);
      } else if (current().isOperator("(")) {
        expression = parseCall(expression);
      } else {
        return expression;
      }
    }
  }

  private Expr parseSubscript(Expr object) {
    if (next().isOperator(".")) {
      Token name = next();
      return switch (name.kind()) {
        case NAME -> new Expr.Attribute(object, name.text());
        case INTEGER -> new Expr.Subscript(object, new Expr.Const(new Int(integer(name.text()))));
        default -> throw unexpected(name);
      };
    }
    List<Expr> keys = new ArrayList<>();
    Expr slice = null;
    while (!current().isOperator("]")) {
      if (!keys.isEmpty() || slice != null) {
        expectOperator(",");
        if (slice != null) {
          throw refuse(current().line(), "a slice among several subscripts");
        }
      }
      Expr key = current().isOperator(":") ? null : parseExpression();
      if (current().isOperator(":")) {
        if (!keys.isEmpty()) {
          throw refuse(current().line(), "a slice among several subscripts");
        }
        slice = parseSlice(object, key);
      } else if (key != null) {
        keys.add(key);
      }
    }
    expectOperator("]");
    if (slice != null) {
      return slice;
    }
    return new Expr.Subscript(
        object, keys.size() == 1 ? keys.getFirst() : new Expr.TupleExpr(keys));
  }

  private Expr parseSlice(Expr object, @Nullable Expr start) {
    expectOperator(":");
    Expr stop = atSliceEnd() || current().isOperator(":") ? null : parseExpression();
    Expr step = null;
    if (skipOperator(":")) {
      step = atSliceEnd() ? null : parseExpression();
    }
    return new Expr.Slice(object, start, stop, step);
  }

  private boolean atSliceEnd() {
    return current().isOperator("]") || current().isOperator(",");
  }

  Expr.Call parseCall(Expr callee) {
    int line = current().line();
    CallArguments arguments = parseArguments();
    Refusals.checkCall(callee, line);
    return new Expr.Call(callee, arguments, line);
  }

  CallArguments parseArguments() {
    expectOperator("(");
    List<Expr> positional = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expr> named = new ArrayList<>();
    Expr star = null;
    Expr starStar = null;
    boolean comma = false;
    while (!current().isOperator(")")) {
      if (comma) {
        expectOperator(",");
        if (current().isOperator(")")) {
          break;
        }
      }
      comma = true;
      if (starStar != null || (star != null && !current().isOperator("**") && !isKeyword())) {
        throw fail("invalid syntax in a call");
      }
      if (skipOperator("*")) {
        star = parseExpression();
      } else if (skipOperator("**")) {
        starStar = parseExpression();
      } else if (isKeyword()) {
        names.add(next().text());
        next();
        named.add(parseExpression());
      } else if (!names.isEmpty()) {
        throw fail("a positional argument follows a keyword argument");
      } else {
        positional.add(parseExpression());
      }
    }
    expectOperator(")");
    if (Set.copyOf(names).size() < names.size()) {
      throw fail("a keyword argument is repeated");
    }
    return new CallArguments(positional, names, named, star, starStar);
  }

  private boolean isKeyword() {
    return current().is(Kind.NAME) && look().isOperator("=");
  }

  /** {@code value|name(…)}; the current token is the bar. */
  private Expr.Filter parseFilter(Expr value) {
    expectOperator("|");
    return parseFilterName(value);
  }

  Expr.Filter parseFilterName(@Nullable Expr value) {
    int line = current().line();
    String name = dotted();
    CallArguments arguments = current().isOperator("(") ? parseArguments() : CallArguments.NONE;
    Refusals.checkNested(name, arguments, line);
    return new Expr.Filter(value, name, Refusals.filter(name, line), arguments);
  }

  private String dotted() {
    StringBuilder name = new StringBuilder(expect(Kind.NAME).text());
    while (skipOperator(".")) {
      name.append('.').append(expect(Kind.NAME).text());
    }
    return name.toString();
  }

  private Expr parseTest(Expr value) {
    expectName("is");
    boolean negated = skipName("not");
    int line = current().line();
    String name = dotted();
    Token token = current();
    CallArguments arguments = CallArguments.NONE;
    if (token.isOperator("(")) {
      arguments = parseArguments();
    } else if (startsOperand(token)) {
      if (token.isName("is")) {
        throw fail("tests cannot be chained with 'is'");
      }
      arguments =
          new CallArguments(
              List.of(parsePostfix(parsePrimary())), List.of(), List.of(), null, null);
    }
    Expr test = new Expr.Test(value, name, Refusals.test(name, line), arguments);
    return negated ? new Expr.Not(test) : test;
  }

  private static boolean startsOperand(Token token) {
    return switch (token.kind()) {
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.text().equals("[") || token.text().equals("{");
      case DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, END -> false;
    };
  }
}
