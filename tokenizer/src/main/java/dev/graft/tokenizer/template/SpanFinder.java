package dev.graft.tokenizer.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the spans of the assistant's turns in a rendered text; the rules are in ChatTemplate. */
final class SpanFinder {
  private final ChatTemplate template;
  private final TemplateInput input;
  private final Str output;
  private final String text;
  private final List<?> messages;
  private final String eos;

  /** What add_generation_prompt appends before the first answer; null until asked for. */
  private @Nullable String generationPrompt;

  SpanFinder(ChatTemplate template, TemplateInput input, Str output) {
    this.template = template;
    this.input = input;
    this.output = output;
    this.text = output.text();
    this.messages = input.variables().get("messages") instanceof List<?> list ? list : List.of();
    this.eos = input.variables().get("eos_token") instanceof String token ? token : "";
  }

  /** Where the output of one message lies: all of it, and the part that the message itself says. */
  private static final class Area {
    int start = -1;
    int end = -1;
    int dataStart = -1;
    int dataEnd = -1;

    /** Whether only this message's output lies between start and end. */
    boolean whole = true;
  }

  static List<Span> generationSpans(Str output) {
    List<Span> spans = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < output.stretches(); i++) {
      int generation = Str.generation(output.stretchTag(i));
      boolean goesOn =
          i + 1 < output.stretches() && Str.generation(output.stretchTag(i + 1)) == generation;
      if (!goesOn) {
        int end = output.stretchEnd(i);
        if (generation > 0) {
          spans.add(new Span(Str.message(output.stretchTag(i)), start, end));
        }
        start = end;
      }
    }
    return spans;
  }

  List<Span> assistantSpans() {
    List<Span> spans = new ArrayList<>();
    Area[] areas = areas();
    int previousEnd = 0;
    for (int i = 0; i < messages.size(); i++) {
      if (!isAssistant(i)) {
        continue;
      }
      Area area = areas[i];
      boolean usable = area.start >= 0 && area.whole;
      int start = usable ? startInArea(i, area) : startByPrefix(i, area);
      int end = usable ? endInArea(i, area, start) : endByPrefix(i, area, start);
      if (start < previousEnd || end < start) {
        throw refuse(i, "it overlaps the turn before");
      }
      spans.add(new Span(i, start, end));
      previousEnd = end;
    }
    return spans;
  }

  private boolean isAssistant(int message) {
    return messages.get(message) instanceof Map<?, ?> fields
        && "assistant".equals(fields.get("role"));
  }

  private static TemplateException refuse(int message, String why) {
    return TemplateException.of(
        "the span of assistant message "
            + message
            + " (counted from 0) cannot be determined: "
            + why
            + "; train on text rendered elsewhere, or add {% generation %} to the template");
  }

  private Area[] areas() {
    Area[] areas = new Area[messages.size()];
    for (int i = 0; i < areas.length; i++) {
      areas[i] = new Area();
    }
    int start = 0;
    for (int i = 0; i < output.stretches(); i++) {
      int message = Str.message(output.stretchTag(i));
      int end = output.stretchEnd(i);
      if (message >= 0) {
        Area area = areas[message];
        area.whole &= area.start < 0 || area.end == start;
        area.start = area.start < 0 ? start : area.start;
        area.end = end;
        if (Str.isData(output.stretchTag(i))) {
          area.dataStart = area.dataStart < 0 ? start : area.dataStart;
          area.dataEnd = end;
        }
      }
      start = end;
    }
    return areas;
  }

  // Where a turn starts.

  private int startInArea(int message, Area area) {
    String header = generationPrompt();
    if (header != null && text.startsWith(header, area.start)) {
      int start = area.start + header.length();
      if (start <= area.end && (area.dataStart < 0 || start <= area.dataStart)) {
        return start;
      }
    }
    String prompt = prompt(message, true);
    int latest = area.dataStart < 0 ? area.end : area.dataStart;
    if (prompt != null
        && text.startsWith(prompt)
        && prompt.length() >= area.start
        && prompt.length() <= latest) {
      return prompt.length();
    }
    return startWherePromptParts(message, area, prompt, latest);
  }

  /** The server's prompt ends differently from what the template prints for a past turn. */
  private int startWherePromptParts(int message, Area area, @Nullable String prompt, int latest) {
    String before = prompt(message, false);
    String header =
        prompt != null && before != null && prompt.startsWith(before)
            ? prompt.substring(before.length())
            : generationPrompt();
    if (header == null) {
      throw refuse(message, "the conversation before it does not render on its own");
    }
    int common = 0;
    while (common < header.length()
        && area.start + common < latest
        && header.charAt(common) == text.charAt(area.start + common)) {
      common++;
    }
    if (area.start + common < latest) {
      // Part between pieces of markup, not inside one: "<think>" and "<tool>" share a "<".
      while (common > 0 && !endsMarkup(text.charAt(area.start + common - 1))) {
        common--;
      }
    }
    if (common == 0) {
      throw refuse(message, "it does not begin with the header that add_generation_prompt prints");
    }
    return area.start + common;
  }

  private static boolean endsMarkup(char c) {
    return c == '>' || c == ']' || c == ':' || Characters.isSpace(c);
  }

  private int startByPrefix(int message, Area area) {
    String prompt = prompt(message, true);
    boolean fits =
        prompt != null
            && text.startsWith(prompt)
            && (area.dataStart < 0 || prompt.length() <= area.dataStart);
    if (prompt == null || !fits) {
      throw refuse(
          message,
          area.start < 0
              ? "the template prints nothing for it, or mixes it with other messages"
              : "the template mixes it with other messages");
    }
    return prompt.length();
  }

  // Where a turn ends.

  private int endInArea(int message, Area area, int start) {
    int said = Math.max(area.dataEnd, start);
    int printed = area.end;
    String header = generationPrompt();
    // A prompt for the next answer may be printed inside the loop, on its last round.
    if (message == messages.size() - 1
        && header != null
        && !header.isEmpty()
        && isTrue(input.variables().get("add_generation_prompt"))
        && printed - header.length() >= said
        && text.startsWith(header, printed - header.length())) {
      printed -= header.length();
    }
    return end(said, Math.max(printed, said));
  }

  private static boolean isTrue(@Nullable Object value) {
    return Boolean.TRUE.equals(value);
  }

  private int endByPrefix(int message, Area area, int start) {
    String whole = prompt(message + 1, false);
    if (whole == null || !text.startsWith(whole) || whole.length() <= start) {
      throw refuse(message, "the conversation up to it is no beginning of the whole text");
    }
    int said = Math.max(start, Math.min(area.dataEnd, whole.length()));
    return end(said, whole.length());
  }

  /** The end-of-turn marker behind {@code said}, within what is printed for the message. */
  private int end(int said, int printed) {
    if (!eos.isEmpty()) {
      int at = text.indexOf(eos, said);
      if (at >= 0 && (at + eos.length() <= printed || at == said)) {
        return at + eos.length();
      }
    }
    int end = printed;
    while (end > said && Characters.isSpace(text.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  // Renderings a server would make.

  private @Nullable String generationPrompt() {
    if (generationPrompt == null) {
      int first = 0;
      while (first < messages.size() - 1 && !isAssistant(first)) {
        first++;
      }
      String difference = difference(first);
      generationPrompt = difference != null ? difference : difference(messages.size());
    }
    return generationPrompt;
  }

  private @Nullable String difference(int count) {
    String with = prompt(count, true);
    String without = with == null ? null : prompt(count, false);
    return with != null && without != null && with.startsWith(without)
        ? with.substring(without.length())
        : null;
  }

  /** The first {@code count} messages as a server renders them; null if the template refuses. */
  private @Nullable String prompt(int count, boolean forAnswer) {
    try {
      return template.text(
          input
              .with("messages", messages.subList(0, count))
              .with("add_generation_prompt", forAnswer));
    } catch (TemplateException e) {
      return null;
    }
  }
}
