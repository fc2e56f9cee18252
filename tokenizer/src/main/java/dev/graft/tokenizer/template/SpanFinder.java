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

  private final Area[] areas;

  /** What opens an assistant turn, as a server's prompt ends; null if it could not be learnt. */
  private final @Nullable String header;

  SpanFinder(ChatTemplate template, TemplateInput input, Str output) {
    this.template = template;
    this.input = input;
    this.output = output;
    this.text = output.text();
    this.messages = input.variables().get("messages") instanceof List<?> list ? list : List.of();
    this.eos = input.variables().get("eos_token") instanceof String token ? token : "";
    this.areas = areas();
    this.header = header();
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
    int latest = latestStart(area);
    if (header != null
        && text.startsWith(header, area.start)
        && area.start + header.length() <= latest) {
      return area.start + header.length();
    }
    String prompt = prompt(message, true);
    if (prompt == null) {
      throw refuse(message, "the conversation before it does not render on its own");
    }
    int common = common(prompt, 0, latest);
    // Blanks that the template prints between the turns before this one are the model's to write.
    if (common == prompt.length()
        && (common >= area.start || text.substring(common, area.start).isBlank())) {
      return common;
    }
    String own = opening(message, prompt);
    if (own.isEmpty()) {
      return area.start;
    }
    for (String opening : new String[] {own, header == null ? "" : header}) {
      int start = behindHeader(opening, area.start, latest);
      if (start >= 0) {
        return start;
      }
    }
    int start = partBetweenMarkup(common, area.start, latest);
    if (start <= area.start) {
      start = partBetweenMarkup(area.start + common(own, area.start, latest), area.start, latest);
    }
    if (start <= area.start && !own.isBlank()) {
      throw refuse(message, "it does not begin as the prompt of a server would end");
    }
    return Math.max(start, area.start);
  }

  private static int latestStart(Area area) {
    return area.dataStart < 0 ? area.end : area.dataStart;
  }

  /**
   * Behind the header's first occurrence, white space around it aside: templates separate turns
   * differently when they print a past one and when they open a new one.
   */
  private int behindHeader(String header, int from, int latest) {
    String core = header.strip();
    int at = core.isEmpty() ? -1 : text.indexOf(core, from);
    if (at < 0 || at + core.length() > latest) {
      return -1;
    }
    String rest = header.substring(header.indexOf(core) + core.length());
    return at + core.length() + common(rest, at + core.length(), latest);
  }

  /**
   * Where the server's prompt goes on differently from what the template prints for a past turn:
   * between two pieces of markup, not inside one ("<think>" and "<tool>" share a "<").
   */
  private int partBetweenMarkup(int parting, int from, int latest) {
    int at = parting;
    while (at > from && at < latest && !endsMarkup(text.charAt(at - 1))) {
      at--;
    }
    return at;
  }

  private int common(String wanted, int from, int latest) {
    int common = 0;
    while (common < wanted.length()
        && from + common < latest
        && wanted.charAt(common) == text.charAt(from + common)) {
      common++;
    }
    return common;
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
    // Some templates open the next turn whether asked to or not.
    if (whole != null && header != null && !text.startsWith(whole) && whole.endsWith(header)) {
      whole = whole.substring(0, whole.length() - header.length());
    }
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
      if (at >= 0 && at + eos.length() <= printed) {
        return at + eos.length();
      }
    }
    // An eos_token that the next turn prints, behind blanks at most, still ends this one.
    int behind = said;
    while (behind < text.length() && Characters.isSpace(text.charAt(behind))) {
      behind++;
    }
    if (!eos.isEmpty() && text.startsWith(eos, behind)) {
      return behind + eos.length();
    }
    int end = printed;
    while (end > said && Characters.isSpace(text.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  // Renderings a server would make.

  /** The opening of the first assistant turn: what of it a server's prompt already holds. */
  private @Nullable String header() {
    // The prompt of an empty conversation teaches nothing, so the first message is left out.
    for (int i = 1; i < messages.size(); i++) {
      if (!isAssistant(i) || areas[i].start < 0 || !areas[i].whole) {
        continue;
      }
      String prompt = prompt(i, true);
      if (prompt == null) {
        continue;
      }
      if (text.startsWith(prompt) && prompt.length() <= latestStart(areas[i])) {
        // A prompt that ends before the turn's own text leaves each turn to be looked at by itself.
        return prompt.length() < areas[i].start
            ? null
            : text.substring(areas[i].start, prompt.length());
      }
      return opening(i, prompt);
    }
    return null;
  }

  /**
   * What opens the next turn in a prompt: what add_generation_prompt makes the difference of, or
   * else what the template prints behind the last message in any case.
   */
  private String opening(int message, String prompt) {
    String without = prompt(message, false);
    if (without != null && prompt.startsWith(without) && prompt.length() > without.length()) {
      return prompt.substring(without.length());
    }
    Str tracked = template.tracked(upTo(message, true));
    int end = 0;
    for (int i = 0; i < tracked.stretches(); i++) {
      if (Str.message(tracked.stretchTag(i)) >= 0) {
        end = tracked.stretchEnd(i);
      }
    }
    return prompt.substring(end);
  }

  /** The first {@code count} messages as a server renders them; null if the template refuses. */
  private @Nullable String prompt(int count, boolean forAnswer) {
    try {
      return template.text(upTo(count, forAnswer));
    } catch (TemplateException e) {
      return null;
    }
  }

  private TemplateInput upTo(int count, boolean forAnswer) {
    return input
        .with("messages", messages.subList(0, count))
        .with("add_generation_prompt", forAnswer);
  }
}
