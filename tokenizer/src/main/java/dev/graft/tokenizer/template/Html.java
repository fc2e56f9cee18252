package dev.graft.tokenizer.template;

/** markupsafe's {@code escape}. */
final class Html {
  private Html() {}

  /** The escaped text, as Markup; Markup stays as it is. */
  static Str escape(Value value) {
    if (value instanceof Str str && str.markup()) {
      return str;
    }
    Str str = Printer.str(value);
    StrBuilder out = new StrBuilder(str.text().length());
    int start = 0;
    for (int stretch = 0; stretch < str.stretches(); stretch++) {
      int end = str.stretchEnd(stretch);
      String part =
          str.text()
              .substring(start, end)
              .replace("&", "&amp;")
              .replace(">", "&gt;")
              .replace("<", "&lt;")
              .replace("'", "&#39;")
              .replace("\"", "&#34;");
      out.append(part, str.stretchTag(stretch));
      start = end;
    }
    return out.toStr().asMarkup();
  }
}
