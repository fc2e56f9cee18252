package dev.graft.tokenizer.template;

import org.jspecify.annotations.Nullable;

/**
 * A Python string that remembers where its characters came from.
 *
 * <p>Each stretch of characters carries a tag: 0 for text of the template itself, {@link
 * #data(int)} for something message k says, {@link #turn(int)} for template text printed while the
 * loop over the messages stood at message k. Concatenating, slicing, stripping and replacing keep
 * the tags, so the rendered text still knows which message each character belongs to. Equality and
 * hashing ignore them.
 *
 * <p>Offsets in here are UTF-16; Python's indices are code points and are converted at the edges.
 */
final class Str implements Value {
  static final Str EMPTY = new Str("");

  private static final long KIND_MASK = 3;
  private static final long DATA = 2;
  private static final long TURN = 1;
  private static final int MESSAGE_BITS = 30;
  private static final long MESSAGE_MASK = ((1L << MESSAGE_BITS) - 1) << 2;

  private final String text;

  /** Ends (exclusive) and tags of the stretches; null when the whole string has tag 0. */
  private final int @Nullable [] ends;

  private final long @Nullable [] tags;

  /** Whether this is markupsafe's Markup, which {@code escape} and {@code safe} return. */
  private final boolean markup;

  /** Number of code points, counted when first asked for; -1 until then (a harmless race). */
  private int length = -1;

  Str(String text) {
    this(text, null, null, false);
  }

  Str(String text, int @Nullable [] ends, long @Nullable [] tags, boolean markup) {
    this.text = text;
    this.ends = ends;
    this.tags = tags;
    this.markup = markup;
  }

  static Str of(String text) {
    return text.isEmpty() ? EMPTY : new Str(text);
  }

  static Str tagged(String text, long tag) {
    return tag == 0 || text.isEmpty()
        ? of(text)
        : new Str(text, new int[] {text.length()}, new long[] {tag}, false);
  }

  /** The tag of what message {@code index} says. */
  static long data(int index) {
    return ((long) (index + 1) << 2) | DATA;
  }

  /** The tag of template text printed for message {@code index}. */
  static long turn(int index) {
    return ((long) (index + 1) << 2) | TURN;
  }

  /** The message a tag speaks of, or -1. */
  static int message(long tag) {
    return (int) ((tag & MESSAGE_MASK) >> 2) - 1;
  }

  static boolean isData(long tag) {
    return (tag & KIND_MASK) == DATA;
  }

  /** The same tag inside generation block {@code ordinal} (from 1). */
  static long inGeneration(long tag, int ordinal) {
    return (tag & ((1L << (MESSAGE_BITS + 2)) - 1)) | ((long) ordinal << (MESSAGE_BITS + 2));
  }

  /** The generation block a tag lies in, counted from 1, or 0. */
  static int generation(long tag) {
    return (int) (tag >>> (MESSAGE_BITS + 2));
  }

  /** Adds the turn of message {@code tag} to characters that have no message yet. */
  static long orTurn(long tag, long turnTag) {
    return (tag & (MESSAGE_MASK | KIND_MASK)) == 0 ? tag | turnTag : tag;
  }

  String text() {
    return text;
  }

  boolean markup() {
    return markup;
  }

  Str asMarkup() {
    return new Str(text, ends, tags, true);
  }

  Str asPlain() {
    return markup ? new Str(text, ends, tags, false) : this;
  }

  boolean isTagged() {
    return tags != null;
  }

  int stretches() {
    return tags == null ? 1 : tags.length;
  }

  int stretchEnd(int stretch) {
    return ends == null ? text.length() : ends[stretch];
  }

  long stretchTag(int stretch) {
    return tags == null ? 0 : tags[stretch];
  }

  /** One tag for a string made from all of this one: the first message's data, if any. */
  long anyTag() {
    if (tags == null) {
      return 0;
    }
    long found = tags[0];
    for (long tag : tags) {
      if (isData(tag) && !isData(found)) {
        found = tag;
      }
    }
    return found;
  }

  /** Length in code points, Python's {@code len}. */
  int length() {
    int known = length;
    if (known < 0) {
      known = text.codePointCount(0, text.length());
      length = known;
    }
    return known;
  }

  /** The UTF-16 offset of code point {@code index}, which lies in 0..length. */
  int offset(int index) {
    return length() == text.length() ? index : text.offsetByCodePoints(0, index);
  }

  /** The code-point index of a UTF-16 offset. */
  int index(int offset) {
    return length() == text.length() ? offset : text.codePointCount(0, offset);
  }

  /** UTF-16 substring with its tags. */
  Str slice(int from, int to) {
    if (from == 0 && to == text.length()) {
      return this;
    }
    if (from >= to) {
      return EMPTY;
    }
    if (ends == null || tags == null) {
      return new Str(text.substring(from, to), null, null, markup);
    }
    int first = 0;
    while (ends[first] <= from) {
      first++;
    }
    int last = first;
    while (ends[last] < to) {
      last++;
    }
    int[] cutEnds = new int[last - first + 1];
    long[] cutTags = new long[last - first + 1];
    for (int i = first; i <= last; i++) {
      cutEnds[i - first] = Math.min(ends[i], to) - from;
      cutTags[i - first] = tags[i];
    }
    return new Str(text.substring(from, to), cutEnds, cutTags, markup);
  }

  /** Another text of the same origin (upper case and the like); stretches survive equal lengths. */
  Str withText(String other) {
    if (tags == null) {
      return new Str(other, null, null, markup);
    }
    return other.length() == text.length()
        ? new Str(other, ends, tags, markup)
        : tagged(other, anyTag());
  }

  Str plus(Str other) {
    if (other.text.isEmpty()) {
      return this;
    }
    if (text.isEmpty()) {
      return other;
    }
    return new StrBuilder(text.length() + other.text.length()).append(this).append(other).toStr();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Str str && text.equals(str.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }

  @Override
  public String typeName() {
    return markup ? "Markup" : "str";
  }
}
