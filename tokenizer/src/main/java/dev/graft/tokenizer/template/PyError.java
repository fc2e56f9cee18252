package dev.graft.tokenizer.template;

/**
 * An exception Python would raise while rendering. The interpreter turns it into a {@link
 * TemplateException} with a line; until then it carries Python's class, since some filters catch
 * some classes. It has no stack trace: {@code |int} on text raises one for every call.
 */
final class PyError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  enum Kind {
    TYPE("TypeError"),
    VALUE("ValueError"),
    KEY("KeyError"),
    INDEX("IndexError"),
    OVERFLOW("OverflowError"),
    ZERO_DIVISION("ZeroDivisionError"),
    ASSERTION("AssertionError"),
    UNDEFINED("UndefinedError"),
    SECURITY("SecurityError"),
    RUNTIME("TemplateRuntimeError"),
    RAISED("TemplateError"),
    LIMIT("limit"),
    UNSUPPORTED("unsupported");

    private final String python;

    Kind(String python) {
      this.python = python;
    }
  }

  private final Kind kind;
  private final String reason;

  PyError(Kind kind, String reason) {
    super(kind.python + ": " + reason, null, false, false);
    this.kind = kind;
    this.reason = reason;
  }

  static PyError type(String reason) {
    return new PyError(Kind.TYPE, reason);
  }

  static PyError value(String reason) {
    return new PyError(Kind.VALUE, reason);
  }

  static PyError limit(String reason) {
    return new PyError(Kind.LIMIT, reason);
  }

  static PyError unsupported(String reason) {
    return new PyError(Kind.UNSUPPORTED, reason);
  }

  Kind kind() {
    return kind;
  }

  TemplateException at(int line) {
    return switch (kind) {
      case RAISED -> TemplateException.raised(line, reason);
      case LIMIT -> TemplateException.at(line, reason);
      case UNSUPPORTED ->
          TemplateException.at(
              line, reason + "; this interpreter does not support it, change the template");
      default ->
          TemplateException.at(
              line,
              kind.python
                  + ": "
                  + reason
                  + " (Python raises it too: the conversation lacks what the template expects)");
    };
  }
}
