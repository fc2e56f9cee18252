package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Token.Kind;
import java.util.List;

/** The tokens of a template, read one after the other. */
abstract class TokenReader {
  private final List<Token> tokens;
  private int position;

  TokenReader(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(position);
  }

  Token look() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = current();
    if (position < tokens.size() - 1) {
      position++;
    }
    return token;
  }

  boolean skipName(String name) {
    if (current().isName(name)) {
      next();
      return true;
    }
    return false;
  }

  boolean skipOperator(String operator) {
    if (current().isOperator(operator)) {
      next();
      return true;
    }
    return false;
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw fail("expected '" + operator + "', found " + current().describe());
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw fail("expected '" + name + "', found " + current().describe());
    }
  }

  Token expect(Kind kind) {
    if (!current().is(kind)) {
      throw fail(
          "expected "
              + new Token(kind, "a name", 0).describe()
              + ", found "
              + current().describe());
    }
    return next();
  }

  TemplateException fail(String message) {
    return TemplateException.at(current().line(), message + "; correct the template");
  }

  TemplateException refuse(int line, String what) {
    return TemplateException.at(
        line, what + " is not supported in chat templates here; rewrite the template without it");
  }
}
